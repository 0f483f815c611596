#include "cli/training_feed.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "cli/training_data.h"
#include "cli/training_doubts.h"
#include "data/audio_reader.h"
#include "data/batch_loader.h"
#include "glossa/error.hpp"
#include "text/sentencepiece.h"
#include "train/batch_feed.h"
#include "train/targets.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kCutsChecked = 5000;  // of a stream
constexpr std::int64_t kBatchesLookedAt = 20'000;

std::int64_t batches_of(const train::TrainConfig& config) {
  return config.trainer.max_steps * config.trainer.accumulate_grad_batches;
}

}  // namespace

class TrainingFeed::Impl {
 public:
  Impl(const train::TrainConfig& config, const checkpoint::Checkpoint& base, const FeedPosition& position)
      : model_(base.config()),
        reader_(base.config().features.sample_rate),
        pieces_(base.tokenizer_model(), base.source()),
        prompts_(base.config().prompt),
        targets_(pieces_, prompts_, config.append_lang_tag),
        chooser_(prompts_, config.train_ds.default_prompt_mode, config.train_ds.unified_auto_ratio),
        augment_(config.waveform, base.config().features.sample_rate, noise_source(config.train_ds, reader_)),
        maker_(base, targets_, chooser_, config.dither,
               [this](std::uint64_t seed) { return augment_.speed_of(seed); }),
        loader_(make_sampler(config, position), reader_, loader_options(config, position)),
        feed_(loader_, maker_) {}

  const data::BatchSampler::Totals& totals() const { return totals_; }
  std::vector<std::string> warnings() const {
    std::vector<std::string> all = target_counts_.warnings();
    all.insert(all.end(), doubts_.begin(), doubts_.end());
    return all;
  }
  train::TrainBatch next() { return feed_.next(); }
  std::int64_t unreadable() const { return loader_.unreadable(); }

  std::vector<train::TrainBatch> largest() const {
    std::vector<train::TrainBatch> batches;
    for (const data::BatchPlan& plan : largest_) {
      data::LoadedBatch batch;
      for (const data::PlannedCut& planned : plan) {
        try {
          batch.cuts.push_back(
              {.cut = planned.cut, .seed = planned.seed, .samples = reader_.read(*planned.cut)});
          batch.seconds += planned.cut->duration;
        } catch (const Error& error) {
          if (error.code() != ErrorCode::kBadInput) throw;  // the others are told when they are drawn
        }
      }
      batches.push_back(maker_.make(std::move(batch)));
    }
    return batches;
  }

 private:
  data::BatchSampler make_sampler(const train::TrainConfig& config, const FeedPosition& position) {
    std::vector<data::WeightedCuts> streams = training_streams(config);
    std::set<std::pair<std::string_view, std::string_view>> known;
    const data::DurationLimits limits = {config.train_ds.min_duration, config.train_ds.max_duration};
    for (const data::WeightedCuts& stream : streams) {
      if (stream.weight > 0) expect_known_languages(stream.cuts, limits, known);
      count_targets(stream.cuts);
    }
    if (position.rank == 0 && position.first_batch == 0) doubts_ = training_doubts(streams, config);
    data::BatchSampler sampler(std::move(streams), sampler_options(config, position.rank, position.ranks));
    totals_ = sampler.totals();
    if (config.try_largest_batch && position.first_batch == 0)
      largest_ = sampler.largest_of(std::min(batches_of(config), kBatchesLookedAt));
    return sampler;
  }

  // Before step 1, not when the one cut is drawn. `known`: languages and modes that were looked at.
  void expect_known_languages(const std::vector<data::Cut>& cuts, const data::DurationLimits& limits,
                              std::set<std::pair<std::string_view, std::string_view>>& known) const {
    for (const data::Cut& cut : cuts) {
      if (limits.hold(cut) && known.emplace(cut.target_lang, cut.prompt_mode).second)
        chooser_.expect_slot(cut);
    }
  }

  // Of cuts from all over the stream: what is wrong with a text is usually wrong with many.
  void count_targets(const std::vector<data::Cut>& cuts) {
    const std::size_t step = std::max<std::size_t>(1, cuts.size() / kCutsChecked);
    for (std::size_t index = 0; index < cuts.size(); index += step) {
      const data::Cut& cut = cuts[index];
      target_counts_.add(targets_.write(cut.text, cut.target_lang), frames_of(cut.duration),
                         model_.decoding.max_symbols);
    }
  }

  // 0 seconds: not known before the sound is read.
  std::int64_t frames_of(double seconds) const {
    if (seconds <= 0) return std::numeric_limits<std::int32_t>::max();
    const double hop = static_cast<double>(model_.features.hop) / model_.features.sample_rate;
    return static_cast<std::int64_t>(seconds / hop / model_.encoder.subsampling_factor) + 1;
  }

  data::LoaderOptions loader_options(const train::TrainConfig& config, const FeedPosition& position) const {
    return {.threads = std::max(1, config.train_ds.num_workers),
            .first_batch = position.first_batch,
            .transform = [this](std::vector<float>& samples, const data::Cut& cut,
                                std::uint64_t seed) { augment_(samples, cut, seed); },
            .features = [this](const data::LoadedCut& cut) { return maker_.mels_of(cut); }};
  }

  const model::ModelConfig& model_;
  data::BatchSampler::Totals totals_;
  std::vector<data::BatchPlan> largest_;  // their cuts are the sampler's
  train::TargetCounts target_counts_;
  std::vector<std::string> doubts_;
  data::AudioReader reader_;
  text::SentencePiece pieces_;
  model::PromptTable prompts_;
  train::TargetWriter targets_;
  train::PromptChooser chooser_;
  train::WaveformAugment augment_;
  train::BatchMaker maker_;
  data::BatchLoader loader_;
  train::BatchFeed feed_;
};

TrainingFeed::TrainingFeed(const train::TrainConfig& config, const checkpoint::Checkpoint& base,
                           const FeedPosition& position)
    : impl_(std::make_unique<Impl>(config, base, position)) {}
TrainingFeed::~TrainingFeed() = default;
const data::BatchSampler::Totals& TrainingFeed::totals() const { return impl_->totals(); }
std::vector<std::string> TrainingFeed::warnings() const { return impl_->warnings(); }
train::TrainBatch TrainingFeed::next() { return impl_->next(); }
std::vector<train::TrainBatch> TrainingFeed::largest() const { return impl_->largest(); }
std::int64_t TrainingFeed::unreadable() const { return impl_->unreadable(); }

}  // namespace glossa::cli
