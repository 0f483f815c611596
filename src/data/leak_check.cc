// The same utterance twice: within what is trained on, and between that and what is held out.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

#include "base/printable.h"
#include "data/checks.h"
#include "text/text_style.h"

namespace glossa::data {
namespace {

constexpr std::int64_t kSentenceWords = 4;     // shorter sentences are said again without being a leak
constexpr std::int64_t kSentenceLetters = 10;  // of scripts without spaces
constexpr float kAudiblePeak = 0.001f;         // all silence is alike

struct LineAt {
  const ManifestText* manifest = nullptr;
  const ManifestLine* line = nullptr;

  std::string name() const { return fmt::format("{}:{}", manifest->path.string(), line->line); }
};

struct HeldPart {
  double begin = 0;  // seconds
  double end = 0;
  LineAt place;
};

HeldPart part_of(const LineAt& place) {
  const ManifestEntry& entry = *place.line->entry;
  const double begin = entry.offset.value_or(0);
  const bool whole = !entry.offset || !entry.duration;
  return {begin, whole ? std::numeric_limits<double>::infinity() : begin + *entry.duration, place};
}

bool is_long_enough(const std::string& bare) {
  return text::count_words(bare) >= kSentenceWords ||
         (bare.find(' ') == std::string::npos && text::count_code_points(bare) >= kSentenceLetters);
}

// What is held out, ready to be asked.
class HeldOut {
 public:
  void add(const LineAt& place, const SoundFacts& facts) {
    parts_[place.line->entry->audio_filepath.string()].push_back(part_of(place));
    if (facts.hash != 0 && facts.peak >= kAudiblePeak) sounds_.try_emplace(facts.hash, place);
    if (!place.line->entry->text) return;
    const std::string bare = text::bare_sentence(*place.line->entry->text);
    if (is_long_enough(bare)) sentences_.try_emplace(bare, place);
  }

  const LineAt* same_file(const LineAt& place) const {
    const auto found = parts_.find(place.line->entry->audio_filepath.string());
    if (found == parts_.end()) return nullptr;
    const HeldPart part = part_of(place);
    for (const HeldPart& held : found->second) {
      if (part.begin < held.end && held.begin < part.end) return &held.place;
    }
    return nullptr;
  }
  const LineAt* same_sound(const SoundFacts& facts) const {
    const auto found = sounds_.find(facts.hash);
    return facts.hash == 0 || found == sounds_.end() ? nullptr : &found->second;
  }
  const LineAt* same_sentence(const LineAt& place) const {
    if (!place.line->entry->text) return nullptr;
    const auto found = sentences_.find(text::bare_sentence(*place.line->entry->text));
    return found == sentences_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::string, std::vector<HeldPart>> parts_;  // by path
  std::unordered_map<std::uint64_t, LineAt> sounds_;
  std::unordered_map<std::string, LineAt> sentences_;
};

}  // namespace

void check_duplicates(const CheckInput& input, std::span<CheckedManifest> results) {
  std::unordered_map<std::uint64_t, LineAt> by_sound;
  std::map<std::tuple<std::string, double, double>, LineAt> by_place;  // path, offset, duration
  for (std::size_t which = 0; which < results.size(); ++which) {
    const ManifestText& manifest = input.manifests[which];
    for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
      const LineAt place{&manifest, &manifest.lines[index]};
      if (!place.line->entry) continue;
      const ManifestEntry& entry = *place.line->entry;
      const SoundFacts& facts = input.survey.facts(which, index);
      const LineAt* earlier = nullptr;
      if (facts.hash == 0) {  // not decoded
        const double duration = entry.offset ? entry.duration.value_or(0) : 0;
        const auto [found, added] =
            by_place.try_emplace({entry.audio_filepath.string(), entry.offset.value_or(0), duration}, place);
        if (!added) earlier = &found->second;
      } else if (facts.peak >= kAudiblePeak) {
        const auto [found, added] = by_sound.try_emplace(facts.hash, place);
        if (!added) earlier = &found->second;
      }
      if (earlier == nullptr) continue;
      const bool other_text = earlier->line->entry->text != entry.text;
      results[which].findings.warning(
          "duplicate-audio", entry.line,
          fmt::format("the sound of {}{}", earlier->name(), other_text ? ", with another text" : ""));
    }
  }
}

void check_leaks(const CheckInput& input, std::span<CheckedManifest> results) {
  HeldOut held_out;
  for (std::size_t which = 0; which < input.held_out.size(); ++which) {
    const ManifestText& manifest = input.held_out[which];
    for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
      const LineAt place{&manifest, &manifest.lines[index]};
      if (place.line->entry) held_out.add(place, input.survey.facts(input.manifests.size() + which, index));
    }
  }
  for (std::size_t which = 0; which < results.size(); ++which) {
    const ManifestText& manifest = input.manifests[which];
    for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
      const LineAt place{&manifest, &manifest.lines[index]};
      if (!place.line->entry) continue;
      Findings& findings = results[which].findings;
      const int line = place.line->line;
      if (const LineAt* same = held_out.same_file(place)) {
        findings.error("leaked-audio", index, line, fmt::format("the file of {}", same->name()));
      } else if (const LineAt* copy = held_out.same_sound(input.survey.facts(which, index))) {
        findings.error("leaked-audio", index, line, fmt::format("the sound of {}", copy->name()));
      } else if (const LineAt* said = held_out.same_sentence(place)) {
        findings.warning(
            "leaked-sentence", line,
            fmt::format("the words of {}: {}", said->name(), printable(*place.line->entry->text)));
      }
    }
  }
}

}  // namespace glossa::data
