// A long recording with a transcript of the whole, cut into utterances to train with.
//
// Somebody wrote the transcript; where its words lie is known from what a recogniser heard. Where a word that
// both have begins or ends at a pause the recording may be cut, and the utterances between such places are
// chosen that keep the most of the text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace glossa::data {

struct Pause {
  double begin = 0;  // seconds
  double end = 0;
};

// How loud a recording is, 10 ms at a time.
class Loudness {
 public:
  Loudness(std::span<const float> samples, int sample_rate);

  double seconds() const { return seconds_; }

  // The pauses that lie in [from, to) at least in part, in order: stretches that are much quieter than the
  // speech of the ten seconds around `word`, where one is said. Each is told with up to a second of what it
  // has outside.
  std::vector<Pause> pauses(double from, double to, double word) const;

 private:
  float quiet_below(std::size_t frame) const;

  std::vector<float> levels_;  // dB
  double seconds_;
};

// A word that was heard, or a letter of it where no spaces are written.
struct HeardUnit {
  double start = 0;  // seconds
  double end = 0;
  bool begins_word = true;  // else what is heard before it runs into it
  bool ends_word = true;
};

// A word of the transcript, or a letter where no spaces are written, beside what was heard of it.
struct TranscriptUnit {
  std::size_t characters = 0;
  std::size_t wrong = 0;  // characters that were not heard so
  std::size_t extra = 0;  // characters heard before it that are of no unit
  // Between the unit heard before it and this one text and sound have nothing to do with each other.
  bool follows_other = false;
  std::optional<std::size_t> heard;  // heard exactly so, as this one
  bool ends_sentence = false;
};

struct SegmentOptions {
  double min_duration = 1;   // seconds
  double max_duration = 20;  // seconds, and shorter than it
  double max_error = 0.4;    // wrong and extra characters / characters
};

struct Segment {
  double start = 0;  // seconds
  double end = 0;
  std::size_t first = 0;  // its units are [first, last)
  std::size_t last = 0;
  double error = 0;
};

// Utterances in order, none overlapping another. Each begins and ends with words that were heard as they are
// written, at pauses, with up to 0.3 s of silence, and in the midst of a sentence not beside a word of which
// nothing was heard. None spans a place where text and sound have nothing to do with each other. Ends of
// sentences are preferred, and few long utterances to many short ones. `units` follow each other in the
// transcript, their `heard` in `heard`.
std::vector<Segment> find_segments(std::span<const TranscriptUnit> units, std::span<const HeardUnit> heard,
                                   const Loudness& loudness, const SegmentOptions& options);

}  // namespace glossa::data
