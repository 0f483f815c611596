#include "data/segments.h"

#include <algorithm>
#include <cmath>

namespace glossa::data {
namespace {

constexpr double kFrame = 0.01;             // seconds
constexpr std::size_t kMostOutside = 100;   // frames of a pause that are told beyond where it was looked for
constexpr std::size_t kAround = 1000;       // frames on both sides whose speech is compared with
constexpr float kWidestRange = 50;          // dB; what is quieter below the speech is digital silence
constexpr float kQuietPart = 0.3f;          // of the range from the noise to the speech
constexpr double kSilence = 0.3;            // seconds at either end of an utterance, where there are so many
constexpr double kStampedLate = 0.3;        // seconds that a word may be over before its end is stamped
constexpr double kStampedEarly = 0.05;      // seconds that a word may begin after its start is stamped
constexpr double kPauseOfSentences = 0.12;  // seconds, at least
constexpr double kPauseOfWords = 0.24;      // what is shorter may be the closure of a consonant
constexpr std::size_t kLongWord = 5;        // characters: heard by chance it is not
constexpr double kCostOfUtterance = 1;      // characters of text that another utterance must be worth
constexpr double kCostOfBrokenSentence = 10;  // the same for an end that is no sentence's

}  // namespace

Loudness::Loudness(std::span<const float> samples, int sample_rate)
    : seconds_(static_cast<double>(samples.size()) / sample_rate) {
  const auto size = static_cast<std::size_t>(std::lround(kFrame * sample_rate));
  levels_.reserve(samples.size() / size + 1);
  for (std::size_t at = 0; at < samples.size(); at += size) {
    const auto frame = samples.subspan(at, std::min(size, samples.size() - at));
    double energy = 0;
    for (const float sample : frame) energy += static_cast<double>(sample) * sample;
    levels_.push_back(
        static_cast<float>(10 * std::log10(energy / static_cast<double>(frame.size()) + 1e-10)));
  }
}

float Loudness::quiet_below(std::size_t frame) const {
  const std::size_t from = frame - std::min(frame, kAround);
  const std::size_t to = std::min(frame + kAround, levels_.size());
  std::vector<float> near(levels_.begin() + static_cast<std::ptrdiff_t>(from),
                          levels_.begin() + static_cast<std::ptrdiff_t>(to));
  const auto quantile = [&](double part) {
    const auto nth = near.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(near.size() - 1));
    std::nth_element(near.begin(), nth, near.end());
    return *nth;
  };
  const float speech = quantile(0.98);
  const float noise = std::max(quantile(0.1), speech - kWidestRange);
  return noise + kQuietPart * (speech - noise);
}

std::vector<Pause> Loudness::pauses(double from, double to, double word) const {
  const auto frame_at = [&](double seconds) {
    const double frame = std::floor(std::max(seconds, 0.0) / kFrame);
    return std::min(static_cast<std::size_t>(frame), levels_.size());
  };
  const std::size_t begin = frame_at(from);
  const std::size_t end = frame_at(to);
  std::vector<Pause> pauses;
  if (begin >= end) return pauses;
  const float limit = quiet_below(frame_at(word));
  const auto is_quiet = [&](std::size_t frame) { return levels_[frame] < limit; };
  for (std::size_t at = begin; at < end; ++at) {
    if (!is_quiet(at)) continue;
    std::size_t first = at;
    while (first > 0 && begin - std::min(first, begin) < kMostOutside && is_quiet(first - 1)) --first;
    while (at < std::min(end + kMostOutside, levels_.size()) && is_quiet(at)) ++at;
    pauses.push_back(
        {static_cast<double>(first) * kFrame, std::min(static_cast<double>(at) * kFrame, seconds_)});
  }
  return pauses;
}

namespace {

class Cutter {
 public:
  Cutter(std::span<const TranscriptUnit> units, std::span<const HeardUnit> heard, const Loudness& loudness,
         const SegmentOptions& options)
      : units_(units), heard_(heard), loudness_(loudness), options_(options) {
    for (std::size_t unit = 0; unit < units.size(); ++unit) {
      starts_.push_back(start_of(unit));
      ends_.push_back(end_of(unit));
    }
  }

  std::vector<Segment> run() const {
    // What the text from a unit on is worth at best, and the utterance that it begins with then, if any.
    std::vector<double> best(units_.size() + 1, 0);
    std::vector<std::optional<Segment>> choices(units_.size());
    for (std::size_t first = units_.size(); first-- > 0;) {
      best[first] = best[first + 1];
      if (!starts_[first]) continue;
      for_each_from(first, [&](const Segment& segment, double worth) {
        if (worth + best[segment.last] <= best[first]) return;
        best[first] = worth + best[segment.last];
        choices[first] = segment;
      });
    }
    std::vector<Segment> segments;
    for (std::size_t at = 0; at < units_.size();) {
      if (choices[at]) segments.push_back(*choices[at]);
      at = choices[at] ? choices[at]->last : at + 1;
    }
    return segments;
  }

 private:
  const HeardUnit* heard_of(std::size_t unit) const {
    const auto& heard = units_[unit].heard;
    return heard ? &heard_[*heard] : nullptr;
  }

  // Both were heard, one right behind the other.
  bool are_neighbours(std::size_t unit, std::size_t next) const {
    return units_[unit].heard && units_[next].heard && *units_[unit].heard + 1 == *units_[next].heard;
  }

  // Of the text before a unit that was heard, or behind it, nothing was heard at all: perhaps it was said all
  // the same.
  bool lacks_before(std::size_t unit) const {
    std::size_t before = unit;
    while (before > 0 && !units_[before - 1].heard) --before;
    const std::size_t heard_there = before == 0 ? 0 : *units_[before - 1].heard + 1;
    return before < unit && *units_[unit].heard == heard_there;
  }
  bool lacks_behind(std::size_t unit) const {
    std::size_t next = unit + 1;
    while (next < units_.size() && !units_[next].heard) ++next;
    const std::size_t heard_there = next == units_.size() ? heard_.size() : *units_[next].heard;
    return next > unit + 1 && *units_[unit].heard + 1 == heard_there;
  }

  // Where an utterance that begins with the unit begins: in the midst of a sentence not where a word may be
  // that nobody heard, and in no pause that the word heard before it lies in, which is none then.
  std::optional<double> start_of(std::size_t unit) const {
    const HeardUnit* own = heard_of(unit);
    if (own == nullptr || !own->begins_word) return std::nullopt;
    const bool is_sure =
        units_[unit].characters >= kLongWord || (unit + 1 < units_.size() && are_neighbours(unit, unit + 1));
    if (!is_sure) return std::nullopt;
    const bool begins_sentence = unit == 0 || units_[unit - 1].ends_sentence;
    if (!begins_sentence && lacks_before(unit)) return std::nullopt;
    const std::size_t index = *units_[unit].heard;
    const double from = index == 0 ? 0 : from_end_of(heard_[index - 1]);
    const double earliest = index == 0 ? 0 : heard_[index - 1].start;
    const double latest = own->start + kStampedEarly;
    const auto pause = longest(loudness_.pauses(from, latest, own->start), begins_sentence,
                               [&](const Pause& one) { return one.begin >= earliest && one.end <= latest; });
    if (!pause) return index == 0 ? std::optional(0.0) : std::nullopt;
    return std::max(pause->end - kSilence, (pause->begin + pause->end) / 2);
  }

  // The same of the end.
  std::optional<double> end_of(std::size_t unit) const {
    const HeardUnit* own = heard_of(unit);
    if (own == nullptr || !own->ends_word) return std::nullopt;
    const bool is_sure = units_[unit].characters >= kLongWord || (unit > 0 && are_neighbours(unit - 1, unit));
    if (!is_sure) return std::nullopt;
    const bool ends_sentence = unit + 1 == units_.size() || units_[unit].ends_sentence;
    if (!ends_sentence && lacks_behind(unit)) return std::nullopt;
    const std::size_t next = *units_[unit].heard + 1;
    const double to = next < heard_.size() ? heard_[next].start + kStampedEarly : loudness_.seconds();
    const double earliest = from_end_of(*own);
    const double latest = next < heard_.size() ? heard_[next].end : loudness_.seconds();
    const auto pause = longest(loudness_.pauses(earliest, to, own->end), units_[unit].ends_sentence,
                               [&](const Pause& one) { return one.begin >= earliest && one.end <= latest; });
    if (!pause) return next == heard_.size() ? std::optional(loudness_.seconds()) : std::nullopt;
    return std::min(pause->begin + kSilence, (pause->begin + pause->end) / 2);
  }

  // Of those that are where they should be, if it is long enough.
  template <class Where>
  static std::optional<Pause> longest(const std::vector<Pause>& pauses, bool is_between_sentences,
                                      const Where& is_there) {
    std::optional<Pause> best;
    double most = is_between_sentences ? kPauseOfSentences : kPauseOfWords;
    for (const Pause& pause : pauses) {
      if (!is_there(pause) || pause.end - pause.begin < most) continue;
      most = pause.end - pause.begin;
      best = pause;
    }
    return best;
  }

  // From here on the word may be over.
  static double from_end_of(const HeardUnit& heard) {
    return std::max(heard.start, heard.end - kStampedLate);
  }

  // Calls visit(segment, worth) for all that may begin with the unit.
  template <class Visit>
  void for_each_from(std::size_t first, const Visit& visit) const {
    Segment segment{.start = *starts_[first], .first = first};
    std::size_t characters = 0;
    std::size_t wrong = 0;
    for (std::size_t unit = first; unit < units_.size(); ++unit) {
      characters += units_[unit].characters;
      wrong += units_[unit].wrong;
      if (unit > first && units_[unit].follows_other) return;
      if (unit > first) wrong += units_[unit].extra;
      const HeardUnit* own = heard_of(unit);
      if (own != nullptr && own->start - segment.start > options_.max_duration) return;
      if (!ends_[unit]) continue;
      segment.end = *ends_[unit];
      segment.last = unit + 1;
      segment.error = static_cast<double>(wrong) / static_cast<double>(characters);
      const double duration = segment.end - segment.start;
      if (duration < options_.min_duration || duration >= options_.max_duration) continue;
      if (segment.error > options_.max_error) continue;
      const bool begins_sentence = first == 0 || units_[first - 1].ends_sentence;
      const int broken = (begins_sentence ? 0 : 1) + (units_[unit].ends_sentence ? 0 : 1);
      visit(segment, static_cast<double>(characters) - kCostOfUtterance - broken * kCostOfBrokenSentence);
    }
  }

  std::span<const TranscriptUnit> units_;
  std::span<const HeardUnit> heard_;
  const Loudness& loudness_;
  const SegmentOptions& options_;
  std::vector<std::optional<double>> starts_;  // of utterances that begin with the unit
  std::vector<std::optional<double>> ends_;
};

}  // namespace

std::vector<Segment> find_segments(std::span<const TranscriptUnit> units, std::span<const HeardUnit> heard,
                                   const Loudness& loudness, const SegmentOptions& options) {
  return Cutter(units, heard, loudness, options).run();
}

}  // namespace glossa::data
