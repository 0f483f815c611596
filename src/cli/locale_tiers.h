// How well the released Nemotron 3.5 ASR checkpoint speaks a locale, in the words of its model card.
#pragma once

#include <string_view>

namespace glossa::cli {

// "transcription-ready", "broad-coverage" or "adaptation-ready"; empty for a locale without a tier. The list
// belongs to the released checkpoint: for a model trained by somebody else it says nothing.
std::string_view locale_tier(std::string_view locale);

}  // namespace glossa::cli
