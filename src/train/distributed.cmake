list(APPEND sources distributed/process_group.cc distributed/rank_environment.cc)
