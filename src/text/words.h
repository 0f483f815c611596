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
  int frame = 0;  // encoder frame of emission
  float confidence = 0;
};

// A run of tokens: [first_token, last_token) into the input, never with a tag inside.
struct TimedWord {
  std::string text;      // detokenised and trimmed, never empty
  int start_frame = 0;   // frame of its first token, which may be a lone U+2581
  int end_frame = 0;     // one past the frame of its last token that is spoken
  float confidence = 0;  // smallest of its tokens
  std::string language;  // of the next tag; empty when none follows
  int first_token = 0;
  int last_token = 0;
};

struct TimedSentence {
  std::string text;      // detokenised, without tags
  std::string language;  // of its closing tag, empty when none
  int start_frame = 0;
  int end_frame = 0;    // of its last word
  int first_token = 0;  // [first_token, last_token) of the input, a closing tag among them
  int last_token = 0;
};

// Groups tokens into words as NeMo's get_words_offsets does for subword models:
//   * a piece that starts with U+2581 (or any piece whose text differs from its decoded form, such as the
//     unknown piece) starts a word, other pieces go on with it;
//   * a punctuation mark of the vocabulary extends the word before it, whether or not it carries a U+2581.
// Where NeMo's result is of no use to a reader of words, this one differs:
//   * tags are no words: they close the word and give language to the words since the last tag;
//   * a lone U+2581 starts a word but is not one: when no piece joins it, it is dropped (NeMo: a word "");
//   * a lone U+2581 and a punctuation mark extend the word before, as in the text (NeMo: the mark is a word);
//   * an opening mark (such as U+00BF or a bracket) after a U+2581 starts a word (NeMo: sometimes);
//   * byte pieces go on with the word, they are parts of one character (NeMo: every byte is a word);
//   * a word's text has NeMo's punctuation clean-up and is trimmed; control pieces are no text;
//   * marks behind a word do not count in its end_frame (NeMo: only so for TDT models, whose marks it moves
//     to the end of the label before): the model writes them when it has heard the silence behind. Marks
//     that have a name which is said, such as %, do count.
// Words joined with single spaces equal the stripped text up to white space.
// Scripts without spaces (Chinese, Japanese, Thai): nothing starts a word inside a sentence, so a whole
// sentence is one word, as in NeMo.
//
// `lang_tags` is lang_tags_of(pieces). An id outside the vocabulary is Error kInvalidArgument. Linear in the
// tokens; thread-safe.
std::vector<TimedWord> group_words(std::span<const TimedToken> tokens, const SentencePiece& pieces,
                                   const Detokenizer& detokenizer, std::span<const std::string> lang_tags);

// Joins words, group_words() of the same tokens, into sentences. A sentence ends at a language tag and after
// a word that ends in . ? ! or the marks of other scripts: U+0964, U+3002, U+FF1F, U+FF01, U+061F (U+037E,
// the Greek question mark, is not one: it is normalised to a semicolon). A tag right after such a word closes
// the same sentence. NeMo's get_segment_offsets ends segments at words that end in . ? ! only, and so puts
// the tag at the begin of the next one. Errors as group_words.
std::vector<TimedSentence> group_sentences(std::span<const TimedToken> tokens,
                                           std::span<const TimedWord> words, const Detokenizer& detokenizer,
                                           std::span<const std::string> lang_tags);

}  // namespace glossa::text
