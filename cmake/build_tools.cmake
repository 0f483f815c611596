# Faster builds where the tools exist; the result is the same without them.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(ccache bash ${PROJECT_SOURCE_DIR}/cmake/compiler_launcher.sh ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
endif()
# What users run is linked by the system's linker. Not mold: 1.10 makes programs that cannot be loaded, or, without
# read-only relocations, sometimes never ends.
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM AND GLOSSA_BUILD_TESTS AND NOT CMAKE_CROSSCOMPILING)
  add_link_options(-fuse-ld=lld)
endif()
