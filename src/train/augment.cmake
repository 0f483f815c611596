list(APPEND sources augment/spec_augment.cc augment/waveform.cc)
set_source_files_properties(augment/spec_augment.cc augment/waveform.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
