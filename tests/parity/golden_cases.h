// The golden cases as test parameters: every case file of every model is one test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/recognizer_impl.h"
#include "engine/stream.h"
#include "glossa/recognizer.hpp"
#include "support/golden.h"

namespace glossa::testing {

struct GoldenCase {
  std::string model;           // folder of cases/ and stem of models/
  std::filesystem::path json;  // the tensors lie beside it as .safetensors
};

// Cases whose file name starts with `prefix`, over all models.
std::vector<GoldenCase> golden_cases(const std::string& prefix);
// "tiny_stream_A_56_3"
std::string case_name(const ::testing::TestParamInfo<GoldenCase>& info);

nlohmann::json read_json(const std::filesystem::path& path);
std::map<std::string, GoldenTensor> tensors_of(const GoldenCase& golden);
std::vector<float> golden_audio(const std::string& file);

// Loaded once per test program.
std::shared_ptr<const engine::RecognizerImpl> golden_recognizer(const std::string& model,
                                                                const std::string& backend);
std::shared_ptr<const checkpoint::Checkpoint> golden_checkpoint(const std::string& model);

std::unique_ptr<engine::StreamImpl> make_stream(const engine::RecognizerImpl& recognizer,
                                                const StreamOptions& options);

AttContext context_of(const nlohmann::json& golden);
std::vector<int> token_ids(const Transcript& transcript);
std::vector<int> token_frames(const Transcript& transcript);

// Greedy decoding met a gap between the two best logits below 1e-3 in this offline case: either label is
// right.
bool is_tie(const std::string& model, const std::string& case_stem, const std::string& prompt);

}  // namespace glossa::testing
