# glossa_room(NAME SOURCES ... LINKS ...): the static library glossa_NAME made of one folder of src/.
# Includes are written from src/ ("base/format.h") or from include/ ("glossa/types.hpp"). OWN_HEADERS: not compiled with the
# common ones. TOGETHER: six files are compiled as one, since templates take most of their time; names in their nameless
# namespaces must differ.
function(glossa_room name)
  cmake_parse_arguments(ROOM "OWN_HEADERS;TOGETHER" "" "SOURCES;LINKS" ${ARGN})
  add_library(glossa_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(glossa_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(glossa_${name} PUBLIC ${ROOM_LINKS} PRIVATE glossa_options)
  if(ROOM_TOGETHER)
    set_target_properties(glossa_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    # g++ takes the files for headers.
    target_compile_options(glossa_${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  endif()
  if(NOT ROOM_OWN_HEADERS AND NOT GLOSSA_KERNELS_ONLY)
    glossa_borrow_headers(glossa_${name} glossa_headers)
  endif()
endfunction()
