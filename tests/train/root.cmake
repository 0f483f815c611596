glossa_test(train_config_test
  SOURCES train_config_test.cc
  LINKS glossa_train glossa_test_support)
target_compile_definitions(train_config_test PRIVATE GLOSSA_EXAMPLES="${PROJECT_SOURCE_DIR}/examples")
glossa_test(train_parts_test
  SOURCES metrics_log_test.cc targets_test.cc ../text/text_support.cc
  LINKS glossa_train glossa_test_support ZLIB::ZLIB)
