list(APPEND sources optim/adamw.cc optim/adamw_update.cc optim/parameter_groups.cc optim/schedule.cc)
# Without libtorch's header; adamw_update.cc is one loop worth vectorising in every build.
set_source_files_properties(optim/adamw_update.cc optim/parameter_groups.cc optim/schedule.cc
  PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(optim/adamw_update.cc PROPERTIES COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math")
