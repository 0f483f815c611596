// Word error rate as NeMo's streaming script prints it: whitespace words, no case or punctuation folding.
#pragma once

#include <cstdint>
#include <string_view>

namespace glossa::eval {

struct EditCounts {
  std::int64_t substitutions = 0;
  std::int64_t deletions = 0;
  std::int64_t insertions = 0;
  std::int64_t reference_words = 0;

  std::int64_t edits() const { return substitutions + deletions + insertions; }
  // edits / reference words; infinity when there are edits but no reference words, 0 when there are neither.
  double rate() const;
  EditCounts& operator+=(const EditCounts& other);
};

// Levenshtein over words split at Unicode white space (as Python's str.split()).
EditCounts word_edits(std::string_view hypothesis, std::string_view reference);

}  // namespace glossa::eval
