glossa_test(train_nn_test
  SOURCES nn/golden_batch.cc nn/asr_model_test.cc nn/training_test.cc nn/state_dict_test.cc
  LINKS glossa_train glossa_audio glossa_tiny_model)
target_compile_options(train_nn_test PRIVATE -fPIC) # as the room, whose precompiled header it borrows
target_precompile_headers(train_nn_test REUSE_FROM glossa_train)
