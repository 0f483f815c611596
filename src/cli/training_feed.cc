#include "cli/training_feed.h"

#include <algorithm>

#include "cli/training_data.h"
#include "data/audio_reader.h"
#include "data/batch_loader.h"
#include "text/sentencepiece.h"
#include "train/batch_feed.h"
#include "train/targets.h"

namespace glossa::cli {

class TrainingFeed::Impl {
 public:
  Impl(const train::TrainConfig& config, const checkpoint::Checkpoint& base, const FeedPosition& position)
      : reader_(base.config().features.sample_rate),
        pieces_(base.tokenizer_model(), base.source()),
        prompts_(base.config().prompt),
        targets_(pieces_, prompts_, config.append_lang_tag),
        chooser_(prompts_, config.train_ds.default_prompt_mode, config.train_ds.unified_auto_ratio),
        maker_(base, targets_, chooser_, config.dither, config.train_ds.default_lang),
        augment_(config.waveform, base.config().features.sample_rate, noise_source(config.train_ds, reader_)),
        loader_(make_sampler(config, position), reader_, loader_options(config, position)),
        feed_(loader_, maker_) {}

  const data::BatchSampler::Totals& totals() const { return totals_; }
  train::TrainBatch next() { return feed_.next(); }
  std::int64_t unreadable() const { return loader_.unreadable(); }

 private:
  data::BatchSampler make_sampler(const train::TrainConfig& config, const FeedPosition& position) {
    data::BatchSampler sampler(training_streams(config),
                               sampler_options(config, position.rank, position.ranks));
    totals_ = sampler.totals();
    return sampler;
  }

  data::LoaderOptions loader_options(const train::TrainConfig& config, const FeedPosition& position) const {
    return {.threads = std::max(1, config.train_ds.num_workers),
            .first_batch = position.first_batch,
            .transform = [this](std::vector<float>& samples, const data::Cut& cut, std::uint64_t seed) {
              augment_(samples, cut, seed);
            }};
  }

  data::BatchSampler::Totals totals_;
  data::AudioReader reader_;
  text::SentencePiece pieces_;
  model::PromptTable prompts_;
  train::TargetWriter targets_;
  train::PromptChooser chooser_;
  train::BatchMaker maker_;
  train::WaveformAugment augment_;
  data::BatchLoader loader_;
  train::BatchFeed feed_;
};

TrainingFeed::TrainingFeed(const train::TrainConfig& config, const checkpoint::Checkpoint& base,
                           const FeedPosition& position)
    : impl_(std::make_unique<Impl>(config, base, position)) {}
TrainingFeed::~TrainingFeed() = default;
const data::BatchSampler::Totals& TrainingFeed::totals() const { return impl_->totals(); }
train::TrainBatch TrainingFeed::next() { return impl_->next(); }
std::int64_t TrainingFeed::unreadable() const { return impl_->unreadable(); }

}  // namespace glossa::cli
