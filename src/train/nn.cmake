list(APPEND sources nn/parameters.cc nn/depthwise_kernels.cc nn/depthwise_conv.cc nn/subsampling.cc
  nn/relative_attention.cc nn/conformer_layer.cc nn/asr_model.cc state_dict.cc)
# Plain loops: needs no torch, and flags of its own.
set_source_files_properties(nn/depthwise_kernels.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
