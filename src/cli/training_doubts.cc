#include "cli/training_doubts.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>

#include "data/checks.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostCuts = 500'000;  // of a stream

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

data::ManifestText manifest_of(const data::WeightedCuts& stream) {
  data::ManifestText manifest{stream.name, {}};
  const std::size_t step = (stream.cuts.size() + kMostCuts - 1) / kMostCuts;
  for (std::size_t index = 0; index < stream.cuts.size(); index += step) {
    const data::Cut& cut = stream.cuts[index];
    data::ManifestEntry entry;
    const fs::path file = fs::absolute(cut.audio);
    entry.audio_filepath = (cut.member.empty() ? file : file / cut.member).lexically_normal();
    entry.offset = cut.offset;
    if (cut.duration > 0) entry.duration = cut.duration;
    entry.text = cut.text;
    entry.target_lang = unless_empty(cut.target_lang);
    entry.line = cut.line;
    manifest.lines.push_back({.line = cut.line, .entry = std::move(entry)});
  }
  return manifest;
}

data::ManifestText held_out(const std::string& path, const data::ManifestFields& fields,
                            const std::string& default_lang) {
  data::ManifestText manifest{path, {}};
  for (data::ManifestEntry& entry : data::read_manifest(path, fields)) {
    if (entry.target_lang.value_or("").empty()) entry.target_lang = unless_empty(default_lang);
    const int line = entry.line;
    manifest.lines.push_back({.line = line, .entry = std::move(entry)});
  }
  return manifest;
}

std::vector<data::ManifestText> all_held_out(const train::TrainConfig& config) {
  const train::ValidationDatasetConfig& validation = config.validation_ds;
  const data::ManifestFields fields = {validation.text_field, validation.lang_field};
  std::vector<data::ManifestText> manifests;
  if (validation.manifest_filepath.empty()) return manifests;  // then probes are not used, either
  for (const train::WeightedPath& path : validation.manifest_filepath)
    manifests.push_back(held_out(path.path, fields, validation.default_lang));
  for (const train::WeightedPath& path : config.validation.probe_manifests)
    manifests.push_back(held_out(path.path, fields, ""));
  return manifests;
}

}  // namespace

std::vector<std::string> training_doubts(std::span<const data::WeightedCuts> streams,
                                         const train::TrainConfig& config) {
  std::vector<data::ManifestText> manifests;
  for (const data::WeightedCuts& stream : streams) manifests.push_back(manifest_of(stream));
  std::vector<std::string> doubts;
  const std::vector<data::CheckedManifest> results = data::compare_manifests(manifests, all_held_out(config));
  for (std::size_t which = 0; which < results.size(); ++which) {
    std::map<std::string, std::vector<const data::Finding*>> kinds;
    for (const data::Finding& finding : results[which].findings.list())
      kinds[finding.kind].push_back(&finding);
    const std::size_t looked_at = manifests[which].lines.size();
    const std::string part =
        looked_at < streams[which].cuts.size() ? fmt::format(" of {} looked at", looked_at) : "";
    for (const auto& [kind, findings] : kinds) {
      const data::Finding& first = *findings.front();
      std::string place;
      if (first.line > 0)
        place = fmt::format("{} line{}{}, the first is {}: ", findings.size(),
                            findings.size() == 1 ? "" : "s", part, first.line);
      doubts.push_back(fmt::format("{}: {}: {}{}", results[which].manifest, kind, place, first.message));
    }
  }
  return doubts;
}

}  // namespace glossa::cli
