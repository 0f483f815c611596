# The built trainer, as a user runs it.
glossa_test(train_journeys_test SOURCES journeys_test.cc
  LINKS glossa_checkpoint nlohmann_json::nlohmann_json glossa_test_support LABEL slow)
target_compile_definitions(train_journeys_test PRIVATE GLOSSA_TRAINER="$<TARGET_FILE:glossa-train>")
add_dependencies(train_journeys_test glossa-train)
