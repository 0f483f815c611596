// A growing transcript as clients hear it: one utterance after the other, each changing until it is final.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::serve {

struct Utterance {
  std::string text;      // trimmed, never empty
  std::string language;  // of its closing tag; empty when none has come
  std::vector<Word> words;
  double start = 0;      // seconds
  double end = 0;        // seconds
  float confidence = 0;  // mean of its words, 0 when it has none

  // Other texts, the best first: add_alternatives().
  std::vector<std::string> alternatives;
};

struct UtteranceUpdate {
  std::vector<Utterance> finals;  // in order; never told before and never changing again
  std::optional<Utterance> open;  // settled and not final; none: nothing is
  // The same with what is not settled behind it, for clients that replace what they show.
  std::optional<Utterance> interim;
  // Since the last update, or more of it is settled; without interim: it was withdrawn.
  bool interim_changed = false;
};

// Seconds of silence that must have been heard behind a sentence before that ends it: between the pieces of a
// word there are a few frames without any.
inline constexpr double kLeastSilence = 0.4;

// A sentence is final when its language tag came, when the next one has begun, when `silence` seconds after
// its last word were settled, and at the end. What was final after a silence never changes: a punctuation
// mark that the model adds later is left out. Not thread-safe.
class Utterances {
 public:
  // Less than kLeastSilence is taken for that. 0: silence ends nothing.
  explicit Utterances(double silence) : silence_(silence > 0 ? std::max(silence, kLeastSilence) : 0) {}

  // `all`: everything is final, at the end of the stream or because the client says so. Transcripts must be
  // of one stream, in its order.
  UtteranceUpdate update(const Transcript& transcript, bool all) {
    return update(transcript, transcript, all);
  }

  // The same where `drafted` is Stream::drafted(): of what stands behind the transcript all is interim.
  UtteranceUpdate update(const Transcript& transcript, const Transcript& drafted, bool all);

  // The transcript has lost that many sentences and words at its beginning; all of them were final.
  void forget(std::size_t sentences, std::size_t words);

 private:
  std::optional<Utterance> take(const Transcript& transcript, std::size_t sentence, std::size_t& word) const;
  std::optional<Utterance> take_open(const Transcript& transcript) const;  // all that is not final

  double silence_;
  std::size_t sentences_ = 0;  // final ones
  std::size_t words_ = 0;      // final ones
  std::size_t bytes_ = 0;      // of the first sentence that is not final: final after a silence
  std::string open_text_;      // at the last update
  std::string interim_text_;   // at the last update
};

// Gives `finals`, which end `transcript`, what `hypotheses` of the whole have in their place, in that order.
// A hypothesis counts where it differs from the transcript in one utterance alone: what differs in several is
// a text of none. Each text once, and none that only has more marks at its end.
void add_alternatives(const Transcript& transcript, std::span<const Alternative> hypotheses,
                      std::vector<Utterance>& finals);

}  // namespace glossa::serve
