glossa_test(train_augment_test
  SOURCES spec_augment_test.cc waveform_test.cc
  LINKS glossa_train glossa_test_support)
