# What base and backend need, without any library built for the target: fmt's headers alone and GoogleTest's sources,
# both from the host's Debian packages.
find_package(Threads REQUIRED)

# Through a folder that holds nothing else: /usr/include is the host's.
find_path(FMT_INCLUDE_DIR fmt/format.h PATHS /usr/include REQUIRED NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
set(fmt_headers ${CMAKE_BINARY_DIR}/host_headers)
file(MAKE_DIRECTORY ${fmt_headers})
file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${fmt_headers}/fmt SYMBOLIC)
add_library(fmt::fmt INTERFACE IMPORTED)
target_include_directories(fmt::fmt INTERFACE ${fmt_headers})
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)

if(GLOSSA_BUILD_TESTS)
  set(INSTALL_GTEST OFF)
  add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL)
endif()
