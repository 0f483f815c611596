#include "cli/training_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "checkpoint/archive_writer.h"
#include "cli/common_options.h"
#include "cli/evaluation.h"
#include "cli/inputs.h"
#include "cli/progress.h"
#include "eval/scores.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::size_t kExamples = 12;

std::vector<eval::EvalUtterance> utterances_of(const std::vector<train::WeightedPath>& manifests,
                                               const data::ManifestFields& fields,
                                               const std::string& default_lang, std::optional<int> most,
                                               int sample_rate) {
  std::vector<eval::EvalUtterance> all;
  for (const train::WeightedPath& manifest : manifests) {
    std::vector<Input> inputs = inputs_of_manifest(manifest.path, fields);
    if (most && inputs.size() > static_cast<std::size_t>(*most))
      inputs.resize(static_cast<std::size_t>(*most));
    for (Input& input : inputs) {
      if (input.target_lang.value_or("").empty() && !default_lang.empty()) input.target_lang = default_lang;
    }
    std::vector<eval::EvalUtterance> more = eval_utterances(inputs, sample_rate, fields.text);
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  return all;
}

// Of a log that a stopped run left, the lines of steps up to `first_step` stay; a base's rate among them is
// noted.
fs::path without_later_lines(const fs::path& log, std::int64_t first_step, std::optional<double>& base_rate) {
  std::string kept;
  {
    std::ifstream file(log);
    for (std::string line; std::getline(file, line);) {
      const ordered_json entry = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!entry.is_object() || first_step == 0) continue;
      const std::int64_t step = entry.value("step", first_step);
      const bool is_step = entry.value("averaged", 1) == 1 && entry.value("base_share", 0.0) == 0;
      if (step > first_step || !is_step) continue;
      kept += line + "\n";
      const auto rate = entry.find("val_wer");  // null where there was nothing to be wrong
      if (step == 0 && rate != entry.end() && rate->is_number()) base_rate = rate->get<double>();
    }
  }
  checkpoint::AtomicFile file(log);
  file.write(kept);
  file.commit();
  return log;
}

ordered_json or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json to_json(const std::vector<eval::Score>& scores) {
  ordered_json list = ordered_json::array();
  for (const eval::Score& score : scores) {
    list.push_back({{"language", score.language},
                    {"att_context_size", score.setting},
                    {"utterances", score.utterances},
                    {"unusable", score.unusable},
                    {"wer", score.raw.rate()},
                    {"wer_low", score.raw_interval.low},
                    {"wer_high", score.raw_interval.high},
                    {"wer_normalized", score.normalized.rate()},
                    {"cer", score.characters.rate()},
                    {"deletions", score.deletion_rate()},
                    {"insertions", score.insertion_rate()},
                    {"lost", score.lost_rate()},
                    {"empty", score.empty_rate},
                    {"loops", score.loop_rate},
                    {"false_text", or_null(score.false_text_rate)},
                    {"language_accuracy", or_null(score.language_accuracy)},
                    {"final_word_lag", or_null(score.final_word_lag)}});
  }
  return list;
}

void append(std::vector<eval::Score>& to, const std::vector<eval::Score>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Of everything at one setting: the sum of all languages where there are several.
double word_error_rate(const std::vector<eval::Score>& scores, const std::string& setting) {
  double rate = 1;
  for (const eval::Score& score : scores) {
    if (score.setting == setting && score.utterances > 0) rate = score.raw.rate();  // "all" comes last
  }
  return rate;
}

constexpr const char* kLatencies = "glossa.validation.latencies";

std::vector<AttContext> contexts_of(const std::vector<std::string>& latencies, const ModelInfo& model) {
  std::vector<AttContext> contexts;
  for (const std::string& latency : latencies) {
    contexts.push_back(latency.find(',') == std::string::npos ? latency_context(latency, model, kLatencies)
                                                              : parse_att_context(latency, kLatencies));
    if (!model::is_usable(contexts.back()))
      fail_invalid_argument(
          "wrong attention context (expected a left side that chunks of R+1 fill, got {}, from {})", latency,
          kLatencies);
  }
  return contexts;
}

}  // namespace

void check_validation(const train::TrainConfig& config, const model::ModelConfig& model) {
  if (config.validation_ds.manifest_filepath.empty()) return;
  for (const auto* manifests :
       {&config.validation_ds.manifest_filepath, &config.validation.probe_manifests}) {
    for (const train::WeightedPath& manifest : *manifests) {
      if (!fs::exists(manifest.path))
        fail_bad_input("{}: no such file (expected a manifest to validate with)", manifest.path);
    }
  }
  contexts_of(config.validation.latencies, chunks_of(model));
}

TrainingValidator::TrainingValidator(const train::TrainConfig& config, int sample_rate, const fs::path& log,
                                     std::int64_t first_step, bool quiet)
    : config_(config), quiet_(quiet), log_(without_later_lines(log, first_step, base_rate_)) {
  const std::optional<int> most = config.validation.max_utterances;
  const train::ValidationDatasetConfig& held_out = config.validation_ds;
  const data::ManifestFields fields = {held_out.text_field, held_out.lang_field};
  target_ = utterances_of(held_out.manifest_filepath, fields, held_out.default_lang, most, sample_rate);
  probes_ = utterances_of(config.validation.probe_manifests, fields, "", most, sample_rate);
}

double TrainingValidator::validate(const fs::path& model, const train::Candidate& candidate) {
  const auto start = std::chrono::steady_clock::now();
  RecognizerOptions load;
  load.model = model;
  load.weights = WeightFormat::kF32;
  load.cache_packed_weights = false;
  load.threads = config_.threads;
  const auto recognizer = Recognizer::load(load);

  EvaluationOptions options;
  options.att_contexts = contexts_of(config_.validation.latencies, recognizer->info());
  if (config_.validation_ds.default_prompt_mode == "auto") options.target_lang = "auto";
  options.fallback_to_auto = true;
  Progress progress(fmt::format("validating step {}", candidate.step),
                    static_cast<double>((target_.size() + probes_.size()) * options.att_contexts.size()),
                    quiet_);
  std::vector<eval::Score> target_scores;
  std::vector<eval::Score> probe_scores;
  double done_before = 0;
  const auto run = [&](const std::vector<eval::EvalUtterance>& utterances) {
    EvaluationRun result = evaluate(*recognizer, utterances, options,
                                    [&](double done, double) { progress.update(done_before + done, ""); });
    done_before += static_cast<double>(utterances.size() * options.att_contexts.size());
    return result;
  };
  EvaluationRun target = run(target_);
  tell_unusable(target.settings.front());
  settings_.clear();
  for (EvaluatedSetting& setting : target.settings) {
    settings_.push_back(setting.name);
    append(target_scores, setting.scores);
  }
  if (!probes_.empty()) {
    for (const EvaluatedSetting& setting : run(probes_).settings) append(probe_scores, setting.scores);
  }
  examples_ = std::move(target.settings.front().utterances);
  if (examples_.size() > kExamples) examples_.resize(kExamples);
  progress.clear();
  const double rate = word_error_rate(target_scores, settings_.front());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (candidate.step == 0 && std::isfinite(rate)) base_rate_ = rate;
  const ordered_json result = {
      {"step", candidate.step},    {"averaged", candidate.averaged},   {"base_share", candidate.base_share},
      {"val_wer", rate},           {"target", to_json(target_scores)}, {"probes", to_json(probe_scores)},
      {"seconds", seconds.count()}};
  result_ = text::json_text(result) + "\n";
  return rate;
}

// A model is not chosen by what nobody could hear; a disk that is gone for a while later on is no reason to
// end a run.
void TrainingValidator::tell_unusable(const EvaluatedSetting& setting) {
  std::size_t unusable = 0;
  std::string first;
  for (const eval::UtteranceResult& utterance : setting.utterances) {
    if (!utterance.error.empty() && unusable++ == 0) first = utterance.error;
  }
  if (unusable == setting.utterances.size() && !has_validated_)
    fail_bad_input("not one of {} utterances to validate with can be used; the first: {}", unusable, first);
  has_validated_ = true;
  if (unusable > std::exchange(unusable_, unusable))
    log::warning(
        fmt::format("{} of {} utterances to validate with cannot be used and count nowhere; the first: {}",
                    unusable, setting.utterances.size(), first));
}

void TrainingValidator::log_result() { log_.append(result_); }

}  // namespace glossa::cli
