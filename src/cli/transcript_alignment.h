// The transcript of a recording beside what was heard in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/segments.h"
#include "glossa/types.hpp"

namespace glossa::cli {

struct AlignedTranscript {
  std::string text;                         // single spaces between its words
  std::vector<data::TranscriptUnit> units;  // words, or letters in languages that write no spaces
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of each in `text`, with the marks around it
  std::vector<data::HeardUnit> heard;

  std::string text_of(const data::Segment& segment) const;
};

// Compares as word error rates do: without case and punctuation. `lang` is the language of both. Error
// kBadInput for more words than can be compared at once, those of some four hours.
AlignedTranscript align_transcript(std::string_view text, const Transcript& heard, std::string_view lang);

}  // namespace glossa::cli
