#include "data/utterance_joiner.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "text/utf8.h"

namespace glossa::data {
namespace {

constexpr double kLabelSeconds = 0.04;  // of a character of Cut::frame_labels

// Places of the numbers that a cut's seed gives.
constexpr std::uint64_t kWhether = 0;
constexpr std::uint64_t kHowMany = 1;
constexpr std::uint64_t kPause = 2;

// No space between the sentences of languages that have none.
void append_text(std::string& text, const Cut& part) {
  const std::string_view more = text::trimmed(part.text);
  const std::string_view lang = part.target_lang;
  const bool spaced = !lang.starts_with("zh") && !lang.starts_with("ja");
  if (spaced && !text.empty() && !more.empty()) text += ' ';
  text += more;
}

// Those of a part that begins at `seconds`.
void append_labels(std::string& labels, const Cut& part, double seconds) {
  if (part.frame_labels.empty() || part.offset != 0) return;
  labels.resize(static_cast<std::size_t>(std::llround(seconds / kLabelSeconds)), ' ');
  labels += part.frame_labels;
}

Cut joined(const std::vector<CutPart>& parts, double seconds) {
  Cut whole;
  const Cut& first = *parts.front().cut;
  whole.target_lang = first.target_lang;
  whole.prompt_mode = first.prompt_mode;
  whole.source = first.source;
  whole.line = first.line;
  for (const CutPart& part : parts) {
    whole.id += whole.id.empty() ? part.cut->id : " + " + part.cut->id;
    append_text(whole.text, *part.cut);
    append_labels(whole.frame_labels, *part.cut, whole.duration + part.pause);
    whole.duration += part.pause + part.cut->duration;
  }
  whole.duration = seconds;  // to the last bit what was found to fit
  whole.parts = parts;
  return whole;
}

}  // namespace

UtteranceJoiner::UtteranceJoiner(Draws& draws, const JoinOptions& options, std::function<bool(double)> fits)
    : draws_(draws), options_(options), fits_(std::move(fits)) {
  if (!(options.share >= 0 && options.share <= 1))
    fail_invalid_argument("join: share {} (expected 0 to 1)", options.share);
  if (options.most < 2) fail_invalid_argument("join: {} utterances (expected 2 or more)", options.most);
  const auto [shortest, longest] = options.pause;
  if (!(shortest >= 0 && shortest <= longest && std::isfinite(longest)))
    fail_invalid_argument("join: pauses of {} to {} s (expected 0 or more, ascending)", shortest, longest);
}

PlannedCut UtteranceJoiner::next() {
  if (!(options_.share > 0)) return draws_.next();
  while (true) {
    const PlannedCut drawn = drawn_.cut != nullptr ? std::exchange(drawn_, {}) : draws_.next();
    if (drawn.cut == nullptr) break;
    Group& group = groups_[{drawn.cut->target_lang, drawn.cut->prompt_mode}];
    const double seconds = group.seconds + pause_before(drawn) + drawn.cut->duration;
    if (group.parts.empty()) {
      if (!(random_unit(drawn.seed, Purpose::kJoin, kWhether) < options_.share) || !fits_(seconds))
        return drawn;
      group.seed = drawn.seed;
      group.wanted =
          2 + random_below(drawn.seed, Purpose::kJoin, kHowMany, static_cast<std::size_t>(options_.most) - 1);
    } else if (!fits_(seconds)) {
      drawn_ = drawn;
      return finish(group);
    }
    group.parts.push_back({drawn.cut, pause_before(drawn)});
    group.seconds = seconds;
    if (group.parts.size() == group.wanted) return finish(group);
  }
  for (auto& [key, group] : groups_) {
    if (!group.parts.empty()) return finish(group);
  }
  return {};
}

// Short ones are drawn more often than long ones.
double UtteranceJoiner::pause_before(const PlannedCut& cut) const {
  const auto [shortest, longest] = options_.pause;
  const double drawn = random_unit(cut.seed, Purpose::kJoin, kPause);
  return shortest + (longest - shortest) * drawn * drawn;
}

PlannedCut UtteranceJoiner::finish(Group& group) const {
  const Group done = std::exchange(group, {});
  if (done.parts.size() == 1) return {done.parts.front().cut, done.seed, nullptr};
  auto whole = std::make_shared<const Cut>(joined(done.parts, done.seconds));
  return {whole.get(), done.seed, whole};
}

}  // namespace glossa::data
