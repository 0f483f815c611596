// The sound of a manifest: is it there, whole, as long as the manifest says, audible, not clipped.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "audio/sound_collector.h"
#include "data/checks.h"

namespace glossa::data {
namespace {

constexpr double kDurationSlack = 0.1;    // seconds
constexpr double kDurationShare = 0.02;   // of the duration; the larger of both is allowed
constexpr float kSilentPeak = 0.001f;     // -60 dB of full scale
constexpr double kClippedShare = 0.0005;  // of the samples
constexpr int kModelRate = 16000;         // Hz

bool differs(double told, double found) {
  return std::abs(told - found) > std::max(kDurationSlack, kDurationShare * std::max(told, found));
}

Edit set_duration(double seconds) { return {"duration", fmt::format("{}", std::round(seconds * 1e4) / 1e4)}; }

void check_duration(const ManifestLine& line, std::size_t index, const SoundFacts& facts,
                    Findings& findings) {
  const auto& told = line.entry->duration;
  const double file_seconds = facts.file->seconds;
  if (facts.offset > 0 && facts.offset >= file_seconds) {
    findings.error("segment-outside", index, line.line,
                   fmt::format("starts at {:.3f} s, the sound has {:.3f} s", facts.offset, file_seconds));
    return;
  }
  if (!told) {
    findings.fixable_error("missing-duration", index, line.line,
                           fmt::format("no duration (the sound has {:.3f} s)", facts.seconds),
                           set_duration(facts.seconds));
    return;
  }
  // Of a segment the survey has what is there of it.
  if (differs(*told, facts.seconds)) {
    findings.fixable_error(
        "wrong-duration", index, line.line,
        fmt::format("duration {:.3f} s, {} {:.3f} s", *told,
                    line.entry->offset ? "of this segment the sound has" : "the sound has", facts.seconds),
        set_duration(facts.seconds));
  }
}

void check_samples(const ManifestLine& line, std::size_t index, const SoundFacts& facts, Findings& findings) {
  const bool has_text = line.entry->text && !line.entry->text->empty();
  if (facts.hash == 0 && facts.offset > 0) return;  // segment-outside
  if (facts.hash == 0) {
    findings.error("empty-audio", index, line.line, "a sound without samples");
  } else if (facts.peak < kSilentPeak && has_text) {
    findings.error("silent-audio", index, line.line,
                   fmt::format("nothing to hear (peak {:.0f} dB of full scale) but a text",
                               20 * std::log10(std::max(facts.peak, 1e-6f))));
  } else if (facts.clipped > kClippedShare) {
    findings.warning("clipped-audio", line.line,
                     fmt::format("{:.2f} % of the samples are clipped", facts.clipped * 100));
  }
}

void check_line(const ManifestLine& line, std::size_t index, const SoundFacts& facts, bool decoded,
                Findings& findings) {
  const std::string path = line.entry->audio_filepath.string();
  if (facts.file->missing) {
    findings.error("missing-audio", index, line.line, path);
  } else if (!facts.file->problem.empty()) {
    findings.error("unreadable-audio", index, line.line, fmt::format("{}: {}", path, facts.file->problem));
  } else if (decoded) {
    check_duration(line, index, facts, findings);
    check_samples(line, index, facts, findings);
  } else if (!line.entry->duration) {
    findings.error("missing-duration", index, line.line, "no duration");
  } else if (*line.entry->duration > audio::kMaxHours * 3600) {
    findings.error("wrong-duration", index, line.line,
                   fmt::format("duration {:.3f} s (expected at most {} hours)", *line.entry->duration,
                               audio::kMaxHours));
  }
}

struct LeftOut {
  std::int64_t lines = 0;
  double hours = 0;
};

void report(const LeftOut& left_out, double limit, const char* option, const LeftOut& all, const char* advice,
            Findings& findings) {
  if (left_out.lines == 0) return;
  findings.warning("lost-hours", 0,
                   fmt::format("{} {} leaves out {} of {} lines, {:.3f} of {:.3f} hours ({:.1f} %){}", option,
                               limit, left_out.lines, all.lines, left_out.hours, all.hours,
                               all.hours > 0 ? 100 * left_out.hours / all.hours : 0, advice));
}

}  // namespace

void check_sound(const CheckInput& input, std::size_t manifest, Findings& findings) {
  const CheckOptions& options = input.options;
  const auto& lines = input.manifests[manifest].lines;
  LeftOut all;
  LeftOut too_short;
  LeftOut too_long;
  std::map<const FileFacts*, int> narrow;  // files of a low rate
  for (std::size_t index = 0; index < lines.size(); ++index) {
    if (!lines[index].entry) continue;
    const SoundFacts& facts = input.survey.facts(manifest, index);
    check_line(lines[index], index, facts, options.survey.decode, findings);
    const double seconds = seconds_of(lines[index], facts);
    const auto count_in = [seconds](LeftOut& sum) {
      ++sum.lines;
      sum.hours += seconds / 3600;
    };
    count_in(all);
    if (seconds < options.min_duration) count_in(too_short);
    if (seconds > options.max_duration) count_in(too_long);
    if (facts.file->sample_rate > 0 && facts.file->sample_rate < kModelRate) {
      narrow[facts.file] = facts.file->sample_rate;
    }
  }
  report(too_short, options.min_duration, "--min-duration", all, "", findings);
  report(too_long, options.max_duration, "--max-duration", all, "; `glossa data segment` cuts them",
         findings);
  std::map<int, int> files_by_rate;
  for (const auto& [file, rate] : narrow) ++files_by_rate[rate];
  for (const auto& [rate, files] : files_by_rate) {
    findings.warning("low-sample-rate", 0,
                     fmt::format("{} files have {} Hz: nothing above {} Hz, the model hears up to {} Hz",
                                 files, rate, rate / 2, kModelRate / 2));
  }
}

}  // namespace glossa::data
