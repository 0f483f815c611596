list(APPEND sources loss/rnnt_lattice.cc loss/logit_rows.cc loss/packed_lattices.cc loss/tile_math.cc loss/rnnt_loss.cc)
# Plain C++ without libtorch; vectorised also where the build asks for -O2.
set_source_files_properties(loss/rnnt_lattice.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(loss/logit_rows.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON
  COMPILE_OPTIONS "-O3;-fopenmp-simd")
