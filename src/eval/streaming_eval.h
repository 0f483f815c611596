// Utterances with references, streamed through a recogniser at one latency setting as in deployment.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/text_normalizer.h"
#include "eval/wer.h"
#include "glossa/recognizer.hpp"

namespace glossa::eval {

struct EvalUtterance {
  std::string id;  // names the utterance in results and pairs it with another system's
  // Mono samples at the model's rate. Called once per evaluation, when a place in the batch is free; an Error
  // it throws (but kInternal) makes this utterance unusable, not the evaluation.
  std::function<std::vector<float>()> read;
  std::string reference;    // language tags in it are not scored
  std::string target_lang;  // spoken language, "en-US"; empty: unknown
};

struct StreamingEvalOptions {
  std::optional<AttContext> att_context;  // none: the checkpoint's first
  // The language every stream is told; none: the utterance's own where it has one, else "auto".
  std::optional<std::string> target_lang;
  bool unknown_lang_is_auto = false;   // a language the checkpoint lacks is "auto", else it is unusable
  int batch_size = 8;                  // streams side by side; never changes a result
  int max_symbols = 0;                 // labels per encoder frame; 0: the checkpoint's
  int beam_size = 1;                   // 1: greedy search
  std::optional<double> settle_delay;  // seconds, as StreamOptions has it
  std::vector<BoostedPhrase> boosted_phrases;
  std::shared_ptr<const LanguageModel> language_model;  // null: none
  float lm_alpha = kDefaultLmAlpha;
  double final_silence = 0;  // seconds
  std::vector<std::string> letter_languages = default_letter_languages();
};

struct UtteranceResult {
  std::string id;
  std::string error;  // why it could not be used; nothing below is meaningful then

  std::string reference;
  std::string target_lang;     // of the utterance, as spelled_code() has it; empty: unknown
  std::string prompt_lang;     // what the stream was told, "auto" or a code
  std::string raw_hypothesis;  // language tags included
  std::string hypothesis;
  std::string language;  // of the first tag the model wrote; empty: none
  double seconds = 0;    // of sound

  EditCounts raw;             // words as they are
  EditCounts normalized;      // words or letters after normalize_for_scoring()
  EditCounts characters;      // of the normalised texts; equals `normalized` for languages scored by letters
  bool empty_output = false;  // nothing recognised though the reference has words
  bool loops = false;         // words come again and again: longest_loop() is 4 words longer than the
                              // reference's, or 8 letters

  // How long the last word was held back, in seconds of sound: what had been given to the stream when the
  // chunk with the word's last token that is spoken was decoded, less the word's end (the end of that token's
  // encoder frame). It is the wait for the chunk to fill, between 0 and the latency setting plus the front
  // end's window; computing is not in it, nor how late the model puts the token itself. None without words.
  std::optional<double> final_word_lag;
};

struct EvalProgress {
  double utterances = 0;  // done, with the fractions of those under way
  double seconds = 0;     // of sound recognised so far
};

// Results in the order of the utterances. Streams run in mode kExact, fed as sound arrives live, 80 ms at a
// time; when one ends, the next utterance takes its place. `progress` is called after every step and may
// throw to end the evaluation. Errors: kInvalidArgument for a setting the model cannot run.
std::vector<UtteranceResult> evaluate_streaming(const Recognizer& recognizer,
                                                std::span<const EvalUtterance> utterances,
                                                const StreamingEvalOptions& options,
                                                const std::function<void(const EvalProgress&)>& progress);

// The edits of a result from its texts and language, as evaluate_streaming() fills them in.
void score_texts(UtteranceResult& result, std::span<const std::string> letter_languages);

}  // namespace glossa::eval
