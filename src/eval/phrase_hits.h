// Phrases that matter, boosted ones: how often each was said, and how often it was heard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/streaming_eval.h"

namespace glossa::eval {

struct PhraseHits {
  std::string phrase;
  std::int64_t said = 0;      // times in the references
  std::int64_t found = 0;     // of these, times in the hypothesis of the same utterance
  std::int64_t not_said = 0;  // times in a hypothesis more often than in its reference
  PhraseHits& operator+=(const PhraseHits& other);
};

// In the order of `phrases`. Texts and phrases are compared word by word as they are scored (case and
// punctuation do not count); in `letter_languages` letter by letter, but Latin words and numbers as a whole.
// Where in the utterance a phrase is does not matter. A phrase within another one counts, too; of two that
// are the same to the scoring the first alone. Unusable utterances do not count.
std::vector<PhraseHits> count_phrases(std::span<const UtteranceResult> results,
                                      std::span<const std::string> phrases,
                                      std::span<const std::string> letter_languages);

}  // namespace glossa::eval
