# Faster builds where the tools exist; the result is the same without them.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # What one clone has compiled serves another, where there is no debug information; and files with precompiled headers are
  # cached.
  set(ccache env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM AND GLOSSA_BUILD_TESTS AND NOT CMAKE_CROSSCOMPILING)
  # Without read-only relocations: mold 1.10 begins that segment on an unmapped page when a small .tbss ends one, and the
  # program cannot be loaded. What users run is linked by the system's linker.
  add_link_options(-fuse-ld=mold -Wl,-z,norelro)
endif()
