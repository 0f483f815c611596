# The trainer needs libtorch: Debian's libtorch-dev (CPU), or an upstream libtorch with CUDA through
# -DCMAKE_PREFIX_PATH=/path/to/libtorch. Without it everything else builds and `glossa train` says how to get it.
set(GLOSSA_TRAIN AUTO CACHE STRING "Build the trainer: ON, OFF, or AUTO (when libtorch is found)")
set_property(CACHE GLOSSA_TRAIN PROPERTY STRINGS AUTO ON OFF)
set(GLOSSA_HAS_TRAIN OFF)
if(NOT GLOSSA_TRAIN STREQUAL "OFF")
  if(GLOSSA_TRAIN STREQUAL "ON")
    find_package(Torch REQUIRED)
  else()
    find_package(Torch QUIET)
  endif()
  if(Torch_FOUND)
    set(GLOSSA_HAS_TRAIN ON)
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    # A plain target with system headers: libtorch's own flags and warnings stay out of ours.
    add_library(glossa_torch INTERFACE)
    target_include_directories(glossa_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
    # at::parallel_for is a template: without OpenMP here it runs on one thread.
    target_link_libraries(glossa_torch INTERFACE ${TORCH_LIBRARIES} OpenMP::OpenMP_CXX)
  else()
    message(STATUS "libtorch not found: no trainer (install libtorch-dev, or set CMAKE_PREFIX_PATH)")
  endif()
endif()
