#include "train/batch.h"

#include <algorithm>
#include <numeric>

#include "features/streaming_log_mel.h"
#include "train/loss/frame_head.h"
#include "train/random.h"

namespace glossa::train {
namespace {

constexpr std::uint64_t kDitherStream = 0xD17E;

// A constant of the front end that the checkpoint may have; empty: computed.
std::vector<float> stored(const checkpoint::Checkpoint& checkpoint, const char* name) {
  const checkpoint::TensorView* tensor = checkpoint.find(name);
  return tensor == nullptr ? std::vector<float>() : tensor->to_f32();
}

torch::Tensor int64_tensor(const std::vector<std::int64_t>& values) {
  return torch::tensor(values, torch::kInt64);
}

}  // namespace

BatchMaker::BatchMaker(const checkpoint::Checkpoint& checkpoint, const TargetWriter& targets,
                       const PromptChooser& prompts, double dither,
                       std::function<double(std::uint64_t seed)> speed_of)
    : targets_(targets), prompts_(prompts), dither_(dither), speed_of_(std::move(speed_of)) {
  const std::vector<float> window = stored(checkpoint, "preprocessor.featurizer.window");
  const std::vector<float> filters = stored(checkpoint, "preprocessor.featurizer.fb");
  log_mel_ = std::make_unique<const features::LogMel>(checkpoint.config().features, window, filters);
}

std::vector<float> BatchMaker::mels_of(const data::LoadedCut& cut) const {
  std::vector<float> mels;
  features::StreamingLogMel stream(*log_mel_);
  if (dither_ > 0) {
    std::vector<float> dithered = cut.samples;
    CounterRandom random(cut.seed, kDitherStream);
    for (float& sample : dithered) sample += static_cast<float>(dither_ * random.noise());
    stream.accept(dithered, mels);
  } else {
    stream.accept(cut.samples, mels);
  }
  stream.finish(mels);
  return mels;
}

std::vector<TrainBatch> split(const TrainBatch& batch, int shares) {
  const auto count = static_cast<std::size_t>(std::min<std::int64_t>(shares, batch.size()));
  const auto* lengths = batch.mel_lengths.data_ptr<std::int64_t>();
  std::vector<std::int64_t> longest_first(static_cast<std::size_t>(batch.size()));
  std::iota(longest_first.begin(), longest_first.end(), 0);
  std::stable_sort(longest_first.begin(), longest_first.end(),
                   [&](std::int64_t a, std::int64_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<std::int64_t>> rows(count);
  std::vector<std::int64_t> frames(count, 0);
  for (const std::int64_t row : longest_first) {
    const auto least =
        static_cast<std::size_t>(std::min_element(frames.begin(), frames.end()) - frames.begin());
    rows[least].push_back(row);
    frames[least] += lengths[row];
  }
  std::vector<TrainBatch> parts;
  for (const std::vector<std::int64_t>& chosen : rows) {
    const torch::Tensor index = int64_tensor(chosen);
    TrainBatch& part = parts.emplace_back();
    part.mel_lengths = batch.mel_lengths.index_select(0, index);
    part.target_lengths = batch.target_lengths.index_select(0, index);
    part.slots = batch.slots.index_select(0, index);
    if (batch.frame_labels.defined()) part.frame_labels = batch.frame_labels.index_select(0, index);
    // One frame more than the longest, as in the whole.
    const std::int64_t width = std::min(part.mel_lengths.max().item<std::int64_t>() + 1, batch.mels.size(2));
    part.mels = batch.mels.index_select(0, index).narrow(2, 0, width);
    part.targets =
        batch.targets.index_select(0, index).narrow(1, 0, part.target_lengths.max().item<std::int64_t>());
    for (const std::int64_t row : chosen) part.seeds.push_back(batch.seeds[static_cast<std::size_t>(row)]);
  }
  return parts;
}

TrainBatch TrainBatch::to(torch::Device device) const {
  TrainBatch moved = *this;
  for (torch::Tensor* tensor : {&moved.mels, &moved.targets, &moved.slots, &moved.frame_labels})
    if (tensor->defined()) *tensor = tensor->to(device);
  return moved;
}

TrainBatch BatchMaker::make(data::LoadedBatch loaded) const {
  TrainBatch batch;
  batch.index = loaded.index;
  const std::int64_t bins = log_mel_->config().mels;
  std::vector<std::vector<float>> mels;
  std::vector<std::vector<int>> targets;
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> target_lengths;
  std::vector<std::int64_t> slots;
  std::vector<std::vector<std::int64_t>> labels_of_frames;
  for (data::LoadedCut& cut : loaded.cuts) {
    std::vector<float> frames = cut.features.empty() ? mels_of(cut) : std::move(cut.features);
    if (frames.empty()) continue;
    targets.push_back(targets_.write(cut.cut->text, cut.cut->target_lang).ids);
    slots.push_back(prompts_.slot_of(*cut.cut, cut.seed));
    labels_of_frames.push_back(frame_classes(cut.cut->offset == 0 ? cut.cut->frame_labels : "",
                                             speed_of_ ? speed_of_(cut.seed) : 1));
    lengths.push_back(static_cast<std::int64_t>(frames.size()) / bins);
    target_lengths.push_back(static_cast<std::int64_t>(targets.back().size()));
    mels.push_back(std::move(frames));
    batch.seeds.push_back(cut.seed);
    batch.seconds += static_cast<double>(cut.samples.size()) / log_mel_->config().sample_rate;
  }
  if (batch.seeds.empty()) return batch;
  // One frame more than the longest, as NeMo's preprocessor makes: its last frame is 0.
  const std::int64_t width = *std::max_element(lengths.begin(), lengths.end()) + 1;
  const std::int64_t labels = *std::max_element(target_lengths.begin(), target_lengths.end());
  const auto size = static_cast<std::int64_t>(mels.size());
  batch.mels = torch::zeros({size, bins, width});
  batch.targets = torch::zeros({size, labels}, torch::kInt64);
  std::size_t pieces = 0;
  for (const std::vector<std::int64_t>& classes : labels_of_frames) pieces = std::max(pieces, classes.size());
  batch.frame_labels = torch::full({size, static_cast<std::int64_t>(pieces)}, -1, torch::kInt64);
  for (std::int64_t row = 0; row < size; ++row) {
    const auto at = static_cast<std::size_t>(row);
    const torch::Tensor frames = torch::from_blob(mels[at].data(), {lengths[at], bins});
    batch.mels[row].slice(1, 0, lengths[at]).copy_(frames.t());
    const std::vector<std::int64_t>& classes = labels_of_frames[at];
    std::copy(classes.begin(), classes.end(), batch.frame_labels.data_ptr<std::int64_t>() + at * pieces);
    std::copy(targets[at].begin(), targets[at].end(), batch.targets.data_ptr<std::int64_t>() + row * labels);
  }
  batch.mel_lengths = int64_tensor(lengths);
  batch.target_lengths = int64_tensor(target_lengths);
  batch.slots = int64_tensor(slots);
  return batch;
}

}  // namespace glossa::train
