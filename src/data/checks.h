// Looks for what would break or spoil a training run: in the sound, in the text, and between manifests.
// docs/data.md explains every kind of finding.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "data/audio_survey.h"
#include "data/findings.h"
#include "data/manifest_lines.h"
#include "text/sentencepiece.h"

namespace glossa::data {

// What a model says about a language code.
struct LanguageJudgement {
  bool known = false;
  std::string code;     // as the model spells it
  std::string message;  // for an unknown one
};

struct CheckOptions {
  const text::SentencePiece* tokenizer = nullptr;  // without it nothing is said about tokens
  std::function<LanguageJudgement(const std::string& lang)> judge_language;  // empty: any code will do
  bool language_needed = true;                                               // false: a model without prompt
  std::optional<std::string> default_language;  // what lines without target_lang get
  double min_duration = 0;                      // seconds
  double max_duration = std::numeric_limits<double>::infinity();
  SurveyOptions survey;
};

// Sound of one manifest, for a table.
struct SoundSummary {
  std::int64_t lines = 0;
  double hours = 0;  // of the lines that can be decoded; without decoding, as the manifest says
  std::map<std::pair<int, int>, std::int64_t> files_by_rate;  // {Hz, channels}: files
};

struct CheckedManifest {
  std::string manifest;
  SoundSummary sound;
  Findings findings;

  std::int64_t errors() const;
  std::int64_t warnings() const;
};

// One result for each of `manifests`. Those of `held_out` are not checked themselves, only compared with.
std::vector<CheckedManifest> check_manifests(std::span<const ManifestText> manifests,
                                             std::span<const ManifestText> held_out,
                                             const CheckOptions& options, const ThreadPool& pool);

// What can be said about them without a look at any file: style, and what leaks from `held_out`.
std::vector<CheckedManifest> compare_manifests(std::span<const ManifestText> manifests,
                                               std::span<const ManifestText> held_out);

// A manifest without the lines that cannot be used.
struct CleanManifest {
  std::vector<std::string> lines;
  std::int64_t dropped = 0;
  std::int64_t changed = 0;
};

// Untouched values keep their bytes. Relative audio paths are rewritten when `folder`, where the new manifest
// will be, is not the old one's.
CleanManifest clean_manifest(const ManifestText& manifest, const Findings& findings,
                             const std::filesystem::path& folder);

// Duration of a line's sound: decoded, else as the manifest says.
double seconds_of(const ManifestLine& line, const SoundFacts& facts);

// The parts of check_manifests(). `survey` holds the checked manifests first, then the held-out ones.
struct CheckInput {
  std::span<const ManifestText> manifests;
  std::span<const ManifestText> held_out;
  const AudioSurvey& survey;
  const CheckOptions& options;
};
void check_sound(const CheckInput& input, std::size_t manifest, Findings& findings);
void check_languages(const CheckInput& input, std::size_t manifest, Findings& findings);
void check_text(const CheckInput& input, std::size_t manifest, Findings& findings);
void check_style(const CheckInput& input, std::span<CheckedManifest> results);
void check_duplicates(const CheckInput& input, std::span<CheckedManifest> results);
void check_leaks(const CheckInput& input, std::span<CheckedManifest> results);

}  // namespace glossa::data
