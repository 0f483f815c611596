// Oracle: NeMo's preprocessor. cases/features/mel.*
#include <gtest/gtest.h>

#include "features/streaming_log_mel.h"
#include "parity/golden_cases.h"
#include "support/closeness.h"
#include "support/golden.h"

namespace glossa::testing {
namespace {

TEST(FeatureParity, LogMelEqualsNeMo) {
  const auto folder = golden_dir() / "cases" / "features";
  const auto golden = read_json(folder / "mel.json");
  const auto tensors = read_safetensors(folder / "mel.safetensors");
  const auto models = list_files(golden_dir() / "models", "", ".nemo");
  ASSERT_FALSE(models.empty());
  const auto recognizer = golden_recognizer(models.front().stem().string(), "cpu");
  for (const auto& item : golden["items"]) {
    const std::string file = item["audio"];
    const std::string stem = file.substr(0, file.rfind('.'));
    const auto found = tensors.find(stem + ".mel");
    ASSERT_NE(found, tensors.end()) << file;
    const GoldenTensor& expected = found->second;  // [mels, frames]
    std::vector<float> mels;
    features::StreamingLogMel log_mel(recognizer->log_mel());
    log_mel.accept(golden_audio(file), mels);
    log_mel.finish(mels);
    ASSERT_EQ(log_mel.frames(), item["length"].get<std::int64_t>()) << file;
    const std::int64_t frames = expected.shape[1];
    for (std::int64_t frame = 0; frame < log_mel.frames(); ++frame) {
      for (std::int64_t mel = 0; mel < expected.shape[0]; ++mel) {
        const float want = expected.values[static_cast<std::size_t>(mel * frames + frame)];
        const float got = mels[static_cast<std::size_t>(frame * expected.shape[0] + mel)];
        // Near the floor of -16.6 a rounding error of the power spectrum is a large step of its logarithm.
        ASSERT_NEAR(got, want, want > -12 ? 2e-3 : 2e-2) << file << " frame " << frame << " mel " << mel;
      }
    }
  }
}

}  // namespace
}  // namespace glossa::testing
