list(APPEND sources batch.cc batch_feed.cc checkpoint_store.cc tensor_file.cc trainer.cc)
set(torch_free config_tree.cc metrics_log.cc nemo_keys.cc targets.cc train_config.cc train_config_check.cc
  train_config_writer.cc train_recipe.cc)
list(APPEND sources ${torch_free})
set_source_files_properties(${torch_free} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
