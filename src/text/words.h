// Words and sentences with times, from tokens and the encoder frames at which they were emitted.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "text/detokenizer.h"
#include "text/sentencepiece.h"

namespace glossa::text {

struct TimedToken {
  int id = 0;
  int frame = 0;          // encoder frame of emission
  float confidence = 0;
};

// A run of tokens: [first_token, last_token) into the input.
struct TimedWord {
  std::string text;
  int start_frame = 0;    // frame of its first token
  int end_frame = 0;      // one past the frame of its last token
  float confidence = 0;   // smallest of its tokens
  std::string language;   // of the next tag; empty when none follows
  int first_token = 0;
  int last_token = 0;
};

struct TimedSentence {
  std::string text;       // detokenised, without tags
  std::string language;   // of its closing tag, empty when none
  int start_frame = 0;
  int end_frame = 0;
};

// Groups tokens into words as NeMo does for subword models: a piece that starts with U+2581 (or any piece whose text
// differs from its decoded form) starts a word, punctuation extends the previous word. Tags are no words: they close
// the word and give language to the words since the last tag. A lone U+2581 piece starts a word but is not one.
// Words joined with single spaces equal the stripped text up to white space.
std::vector<TimedWord> group_words(std::span<const TimedToken> tokens, const SentencePiece& pieces,
                                   const Detokenizer& detokenizer, std::span<const std::string> lang_tags);

// Splits at language tags and at words that end in . ? ! (and the marks of other scripts: U+0964, U+3002, U+FF1F,
// U+FF01, U+061F, U+037E is not one). A tag right after a terminator closes the same sentence.
std::vector<TimedSentence> group_sentences(std::span<const TimedToken> tokens, const SentencePiece& pieces,
                                           const Detokenizer& detokenizer, std::span<const std::string> lang_tags);

}  // namespace glossa::text
