list(APPEND sources batch.cc batch_feed.cc checkpoint_store.cc tensor_file.cc trainer.cc)
