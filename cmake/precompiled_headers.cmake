# Headers that most files include, compiled once for the rooms and once for the tests: a third of a small file's time.
# Files still include what they use; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows one that does not.

# glossa_borrow_headers(TARGET OWNER): TARGET is compiled with the headers of OWNER.
function(glossa_borrow_headers target owner)
  target_compile_options(${target} PRIVATE -fPIC) # as the owner, where a program has -fPIE
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# glossa_common_headers(OWNER HEADERS ...): a library of nothing but the common headers and these.
function(glossa_common_headers owner)
  set(empty ${CMAKE_CURRENT_BINARY_DIR}/${owner}.cc)
  file(CONFIGURE OUTPUT ${empty} CONTENT "")
  add_library(${owner} STATIC ${empty})
  target_link_libraries(${owner} PUBLIC fmt::fmt nlohmann_json::nlohmann_json PRIVATE glossa_options)
  target_precompile_headers(${owner} PRIVATE
    <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <map> <memory>
    <mutex> <optional> <random> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> <nlohmann/json.hpp> ${ARGN})
endfunction()

glossa_common_headers(glossa_headers)
