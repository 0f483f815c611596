glossa_test(train_optim_test
  SOURCES schedule_test.cc parameter_groups_test.cc
  LINKS glossa_train glossa_test_support)
glossa_test(train_adamw_test
  SOURCES adamw_test.cc
  LINKS glossa_train glossa_test_support)
