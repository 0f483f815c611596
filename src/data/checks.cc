#include "data/checks.h"

#include <algorithm>

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

SoundSummary summarise(const CheckInput& input, std::size_t which) {
  const ManifestText& manifest = input.manifests[which];
  SoundSummary summary;
  summary.lines = static_cast<std::int64_t>(manifest.lines.size());
  std::map<const FileFacts*, bool> seen;
  for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
    const SoundFacts& facts = input.survey.facts(which, index);
    summary.hours += seconds_of(manifest.lines[index], facts) / 3600;
    if (facts.file == nullptr || facts.file->sample_rate == 0 || seen[facts.file]) continue;
    seen[facts.file] = true;
    ++summary.files_by_rate[{facts.file->sample_rate, facts.file->channels}];
  }
  return summary;
}

void report_bad_lines(const ManifestText& manifest, Findings& findings) {
  for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
    const ManifestLine& line = manifest.lines[index];
    if (!line.entry) findings.error("bad-line", index, line.line, line.problem);
  }
}

std::vector<const ManifestText*> all_of(std::span<const ManifestText> manifests,
                                        std::span<const ManifestText> held_out) {
  std::vector<const ManifestText*> all;
  for (const ManifestText& manifest : manifests) all.push_back(&manifest);
  for (const ManifestText& manifest : held_out) all.push_back(&manifest);
  return all;
}

std::int64_t count(const Findings& findings, Severity severity) {
  return std::count_if(findings.list().begin(), findings.list().end(),
                       [severity](const Finding& finding) { return finding.severity == severity; });
}

}  // namespace

std::int64_t CheckedManifest::errors() const { return count(findings, Severity::kError); }
std::int64_t CheckedManifest::warnings() const { return count(findings, Severity::kWarning); }

double seconds_of(const ManifestLine& line, const SoundFacts& facts) {
  if (facts.seconds > 0 || !line.entry) return facts.seconds;
  const bool decodable = facts.file == nullptr || (!facts.file->missing && facts.file->problem.empty());
  return decodable ? line.entry->duration.value_or(0) : 0;
}

std::vector<CheckedManifest> check_manifests(std::span<const ManifestText> manifests,
                                             std::span<const ManifestText> held_out,
                                             const CheckOptions& options, const ThreadPool& pool) {
  const AudioSurvey survey(all_of(manifests, held_out), pool, options.survey);
  const CheckInput input{manifests, held_out, survey, options};
  std::vector<CheckedManifest> results;
  for (std::size_t which = 0; which < manifests.size(); ++which) {
    const ManifestText& manifest = manifests[which];
    Findings findings(manifest.path.string(), manifest.lines.size());
    report_bad_lines(manifest, findings);
    check_sound(input, which, findings);
    check_languages(input, which, findings);
    check_text(input, which, findings);
    results.push_back({manifest.path.string(), summarise(input, which), std::move(findings)});
  }
  check_style(input, results);
  check_duplicates(input, results);
  check_leaks(input, results);
  return results;
}

std::vector<CheckedManifest> compare_manifests(std::span<const ManifestText> manifests,
                                               std::span<const ManifestText> held_out) {
  CheckOptions options;
  options.survey.look = false;
  const AudioSurvey survey(all_of(manifests, held_out), ThreadPool(1), options.survey);
  const CheckInput input{manifests, held_out, survey, options};
  std::vector<CheckedManifest> results;
  for (const ManifestText& manifest : manifests)
    results.push_back({.manifest = manifest.path.string(),
                       .sound = SoundSummary(),
                       .findings = Findings(manifest.path.string(), manifest.lines.size())});
  check_style(input, results);
  check_leaks(input, results);
  return results;
}

CleanManifest clean_manifest(const ManifestText& manifest, const Findings& findings, const fs::path& folder) {
  const bool moved =
      fs::weakly_canonical(folder) != fs::weakly_canonical(fs::absolute(manifest.path).parent_path());
  CleanManifest clean;
  for (std::size_t index = 0; index < manifest.lines.size(); ++index) {
    const LineVerdict& verdict = findings.verdicts()[index];
    if (verdict.unusable) {
      ++clean.dropped;
      continue;
    }
    const ManifestLine& line = manifest.lines[index];
    JsonLine json(line.raw);
    for (const Edit& edit : verdict.edits) {
      const bool only_lang = edit.key == "target_lang" && !json.has("target_lang") && json.has("lang");
      json.set(only_lang ? "lang" : edit.key, edit.json);
    }
    if (moved && !fs::path(json.string_of("audio_filepath")).is_absolute()) {
      json.set("audio_filepath", json_string(line.entry->audio_filepath.string()));
    }
    clean.changed += verdict.edits.empty() ? 0 : 1;
    clean.lines.push_back(json.text());
  }
  return clean;
}

}  // namespace glossa::data
