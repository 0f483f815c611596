#include "train/nn/golden_batch.h"

#include <fstream>
#include <stdexcept>

#include "audio/audio_file.h"
#include "features/streaming_log_mel.h"
#include "train/state_dict.h"

namespace glossa::testing {

std::int64_t GoldenModel::slot(const std::string& prompt) const {
  for (const auto& [language, slot] : checkpoint->config().prompt.dictionary) {
    if (language == prompt) return slot;
  }
  throw std::runtime_error("no prompt " + prompt);
}

GoldenModel golden_model(const std::string& name) { return model_of(golden_model_path(name)); }

GoldenModel model_of(const std::filesystem::path& nemo) {
  GoldenModel golden{checkpoint::read_checkpoint(nemo)};
  golden.model = train::AsrModel(golden.checkpoint->config(), train::DropoutConfig{});
  train::load_checkpoint(golden.model, *golden.checkpoint);
  golden.model->eval();
  return golden;
}

MelBatch golden_mels(const checkpoint::Checkpoint& checkpoint, const std::vector<std::string>& audio) {
  const model::ModelConfig& config = checkpoint.config();
  const auto constants = [&](const char* name) {
    const checkpoint::TensorView* view = checkpoint.find(name);
    return view != nullptr ? view->to_f32() : std::vector<float>();
  };
  const features::LogMel log_mel(config.features, constants("preprocessor.featurizer.window"),
                                 constants("preprocessor.featurizer.fb"));
  std::vector<torch::Tensor> clips;
  std::vector<std::int64_t> lengths;
  for (const std::string& file : audio) {
    std::vector<float> mels;
    features::StreamingLogMel stream(log_mel);
    stream.accept(audio::read_audio(golden_dir() / "audio" / file, config.features.sample_rate).samples,
                  mels);
    stream.finish(mels);
    lengths.push_back(stream.frames());
    clips.push_back(torch::constant_pad_nd(
        torch::from_blob(mels.data(), {stream.frames(), config.features.mels}, torch::kFloat), {0, 0, 0, 1}));
  }
  return {torch::nn::utils::rnn::pad_sequence(clips, /*batch_first=*/true).transpose(1, 2).contiguous(),
          torch::tensor(lengths, torch::kLong)};
}

nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

AttContext context_of(const nlohmann::json& golden) {
  return {golden["att_context_size"][0], golden["att_context_size"][1]};
}

torch::Tensor as_tensor(const GoldenTensor& golden) {
  return torch::tensor(golden.values, torch::kFloat).view(golden.shape);
}

std::vector<float> values_of(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.detach().to(torch::kFloat).contiguous();
  return {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()};
}

}  // namespace glossa::testing
