# glossa_room(NAME SOURCES ... LINKS ...): the static library glossa_NAME made of one folder of src/.
# Includes are written from src/ ("base/format.h") or from include/ ("glossa/types.hpp"). OWN_HEADERS: not compiled with the
# common ones.
function(glossa_room name)
  cmake_parse_arguments(ROOM "OWN_HEADERS" "" "SOURCES;LINKS" ${ARGN})
  add_library(glossa_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(glossa_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(glossa_${name} PUBLIC ${ROOM_LINKS} PRIVATE glossa_options)
  if(NOT ROOM_OWN_HEADERS AND NOT GLOSSA_KERNELS_ONLY)
    glossa_borrow_headers(glossa_${name} glossa_headers)
  endif()
endfunction()
