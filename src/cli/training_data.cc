#include "cli/training_data.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/fail.h"
#include "base/log.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using data::WeightedCuts;

constexpr int kBadLinesTold = 10;

data::SourceOptions source_options(const train::DatasetConfig& dataset, bool needs_text = true) {
  data::SourceOptions options;
  options.needs_text = needs_text;
  options.fields = {dataset.text_field, dataset.lang_field};
  options.limits = {dataset.min_duration, dataset.max_duration};
  options.skip_missing_manifest_entries = dataset.skip_missing_manifest_entries;
  options.on_bad_line = [told = std::make_shared<int>(0)](const std::string& message) {
    if (++*told <= kBadLinesTold) log::warning(message + ": passed over");
    if (*told == kBadLinesTold)
      log::warning("more bad lines are passed over without a word: `glossa data check` lists them all");
  };
  return options;
}

WeightedCuts stream(const train::WeightedPath& path, std::vector<data::Cut> cuts,
                    const data::DurationLimits& limits) {
  if (cuts.empty()) fail_bad_input("{}: no usable entry (expected one or more)", path.path);
  WeightedCuts result{.name = path.path, .weight = path.weight.value_or(data::weight_of(cuts, limits))};
  result.cuts = std::move(cuts);
  return result;
}

std::vector<WeightedCuts> streams_of(const train::DatasetConfig& dataset) {
  const data::SourceOptions options = source_options(dataset);
  std::vector<WeightedCuts> streams;
  if (!dataset.input_cfg.text.empty())
    streams = data::read_input_cfg(dataset.input_cfg.text, fs::current_path(), options);
  for (const train::WeightedPath& path : dataset.shar_path)
    streams.push_back(stream(path, data::read_shar_cuts(path.path, options), options.limits));
  for (std::size_t index = 0; index < dataset.manifest_filepath.size(); ++index) {
    const train::WeightedPath& path = dataset.manifest_filepath[index];
    streams.push_back(
        stream(path,
               index < dataset.tarred_audio_filepaths.size()
                   ? data::read_tarred_cuts(path.path, dataset.tarred_audio_filepaths[index].path, options)
                   : data::read_nemo_cuts(path.path, options),
               options.limits));
  }
  return streams;
}

// Warnings from any thread.
class ToldOnce {
 public:
  void warn(const std::string& message) {
    {
      const std::lock_guard lock(mutex_);
      if (!told_.insert(message).second) return;
    }
    log::warning(message);
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> told_;
};

double total_weight(const std::vector<WeightedCuts>& streams) {
  return std::accumulate(streams.begin(), streams.end(), 0.0,
                         [](double sum, const WeightedCuts& one) { return sum + one.weight; });
}

void scale_to(std::vector<WeightedCuts>& streams, double share) {
  const double total = total_weight(streams);
  for (WeightedCuts& one : streams) one.weight *= share / total;
}

// Replay would be all that is trained on, where the limits leave nothing else.
void expect_within_limits(const char* what, const std::vector<WeightedCuts>& streams,
                          const data::DurationLimits& limits) {
  for (const WeightedCuts& one : streams) {
    if (one.weight > 0 && data::weight_of(one.cuts, limits) > 0) return;
  }
  fail_bad_input("{}: no cut within the duration limits (expected {} to {} s)", what, limits.least,
                 limits.most);
}

}  // namespace

std::vector<WeightedCuts> training_streams(const train::TrainConfig& config) {
  std::vector<WeightedCuts> streams = streams_of(config.train_ds);
  for (WeightedCuts& one : streams) {
    for (data::Cut& cut : one.cuts) {
      if (cut.target_lang.empty()) cut.target_lang = config.train_ds.default_lang;
    }
  }
  if (config.replay.manifests.empty()) return streams;
  // Of other languages: whose entries name none are told "auto".
  const data::SourceOptions options = source_options(config.train_ds);
  std::vector<WeightedCuts> replay;
  for (const train::WeightedPath& path : config.replay.manifests)
    replay.push_back(stream(path, data::read_nemo_cuts(path.path, options), options.limits));
  expect_within_limits("model.train_ds", streams, options.limits);
  expect_within_limits("glossa.replay", replay, options.limits);
  scale_to(streams, 1 - config.replay.share);
  scale_to(replay, config.replay.share);
  std::move(replay.begin(), replay.end(), std::back_inserter(streams));
  return streams;
}

data::SamplerOptions sampler_options(const train::TrainConfig& config, int rank, int ranks) {
  const train::DatasetConfig& dataset = config.train_ds;
  data::SamplerOptions options;
  options.batch_size = dataset.batch_size;
  options.batch_duration = dataset.batch_duration;
  options.quadratic_duration = dataset.quadratic_duration;
  options.min_duration = dataset.min_duration;
  options.max_duration = dataset.max_duration;
  options.shuffle = dataset.shuffle;
  options.bucketing = dataset.use_bucketing;
  options.buckets = dataset.num_buckets;
  options.bucket_duration_bins = dataset.bucket_duration_bins;
  options.buffer_size = dataset.bucket_buffer_size;
  options.join = {.share = config.join.share, .most = config.join.most, .pause = config.join.pause};
  options.seed = config.seed;
  options.rank = rank;
  options.ranks = ranks;
  return options;
}

train::NoiseSource noise_source(const train::DatasetConfig& dataset, const data::AudioReader& reader) {
  auto cuts = std::make_shared<std::vector<data::Cut>>();
  for (const train::WeightedPath& path : dataset.noise_path) {
    if (path.weight)
      fail_bad_input("{}: has a weight (expected noise without: each recording is drawn equally often)",
                     path.path);
    std::vector<data::Cut> more =
        data::read_nemo_cuts(path.path, source_options(dataset, /*needs_text=*/false));
    if (more.empty()) fail_bad_input("{}: no usable entry (expected one or more)", path.path);
    std::move(more.begin(), more.end(), std::back_inserter(*cuts));
  }
  return {.recordings = cuts->size(),
          .samples = [cuts, &reader, told = std::make_shared<ToldOnce>()](std::size_t index) {
            try {
              return reader.read((*cuts)[index]);
            } catch (const Error& error) {
              if (error.code() != ErrorCode::kBadInput) throw;
              told->warn(fmt::format("{}; the noise is not mixed in", error.what()));
              return std::vector<float>();
            }
          }};
}

}  // namespace glossa::cli
