#include "parity/golden_cases.h"

#include <fstream>
#include <map>
#include <mutex>

#include "audio/audio_file.h"

namespace glossa::testing {

std::vector<GoldenCase> golden_cases(const std::string& prefix) {
  std::vector<GoldenCase> cases;
  for (const auto& model : list_files(golden_dir() / "models", "", ".nemo")) {
    const std::string name = model.stem().string();
    for (const auto& json : list_files(golden_dir() / "cases" / name, prefix, ".json"))
      cases.push_back({name, json});
  }
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<GoldenCase>& info) {
  std::string name = info.param.model + "_" + info.param.json.stem().string();
  for (char& letter : name) {
    if (!isalnum(static_cast<unsigned char>(letter))) letter = '_';
  }
  return name;
}

nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

std::map<std::string, GoldenTensor> tensors_of(const GoldenCase& golden) {
  std::filesystem::path path = golden.json;
  return read_safetensors(path.replace_extension(".safetensors"));
}

std::vector<float> golden_audio(const std::string& file) {
  return audio::read_audio(golden_dir() / "audio" / file, 16000).samples;
}

std::shared_ptr<const checkpoint::Checkpoint> golden_checkpoint(const std::string& model) {
  return checkpoint::read_nemo(golden_model_path(model));
}

std::shared_ptr<const engine::RecognizerImpl> golden_recognizer(const std::string& model,
                                                                const std::string& backend) {
  static std::map<std::pair<std::string, std::string>, std::shared_ptr<const engine::RecognizerImpl>> loaded;
  auto& entry = loaded[{model, backend}];
  if (entry == nullptr) {
    const RecognizerOptions options{.model = golden_model_path(model), .backend = backend};
    entry = std::make_shared<const engine::RecognizerImpl>(golden_checkpoint(model), options);
  }
  return entry;
}

std::unique_ptr<engine::StreamImpl> make_stream(const engine::RecognizerImpl& recognizer,
                                                const StreamOptions& options) {
  return std::make_unique<engine::StreamImpl>(recognizer.shared_from_this(), options);
}

AttContext context_of(const nlohmann::json& golden) {
  return {golden["att_context_size"][0], golden["att_context_size"][1]};
}

std::vector<int> token_ids(const Transcript& transcript) {
  std::vector<int> ids;
  for (const Token& token : transcript.tokens) ids.push_back(token.id);
  return ids;
}

std::vector<int> token_frames(const Transcript& transcript) {
  std::vector<int> frames;
  for (const Token& token : transcript.tokens) frames.push_back(token.frame);
  return frames;
}

bool is_tie(const std::string& model, const std::string& case_stem, const std::string& prompt) {
  static const nlohmann::json margins = [] {
    const auto path = golden_dir() / "cases" / "margins.json";
    return std::filesystem::exists(path) ? read_json(path) : nlohmann::json::array();
  }();
  for (const auto& entry : margins) {
    if (entry["model"] == model && entry["case"] == case_stem && entry["prompt"] == prompt) {
      return entry["smallest_margin"].get<double>() < 1e-3;
    }
  }
  return false;
}

}  // namespace glossa::testing
