// How far apart two spellings are: for messages that name the nearest known word.
#pragma once

#include <cstddef>
#include <string_view>

namespace glossa {

// Levenshtein, byte by byte.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace glossa
