// Oracle: NeMo's offline forward pass and greedy decoding. cases/<model>/offline_*
// Each case runs three ways that must all agree with it: the offline mode (many chunks a step), the exact
// mode (chunk by chunk), both on the CPU backend, and the exact mode on the reference backend.
#include <gtest/gtest.h>

#include "parity/golden_cases.h"
#include "support/closeness.h"

namespace glossa::testing {
namespace {

struct Way {
  const char* backend;
  StreamingMode mode;
};
constexpr Way kWays[] = {
    {"cpu", StreamingMode::kOffline}, {"cpu", StreamingMode::kExact}, {"reference", StreamingMode::kExact}};

using Stages = std::map<std::string, std::vector<float>>;

Stages run(const engine::RecognizerImpl& recognizer, Stream& stream, std::span<const float> pcm) {
  Stages stages;
  const engine::StageTap tap = [&](std::string_view stage, std::size_t, backend::Matrix<const float> rows) {
    std::vector<float>& values = stages[std::string(stage)];
    for (std::int64_t row = 0; row < rows.rows; ++row) {
      values.insert(values.end(), rows.row(row), rows.row(row) + rows.cols);
    }
  };
  stream.accept_waveform(pcm);
  stream.input_finished();
  Stream* streams[] = {&stream};
  while (stream.is_ready()) recognizer.step(streams, tap, nullptr);
  return stages;
}

void expect_stage(const Stages& stages, const std::string& stage, const GoldenTensor& golden) {
  const auto found = stages.find(stage);
  ASSERT_NE(found, stages.end()) << stage;
  expect_close(found->second, golden.values, kLayerTolerance, stage);
  EXPECT_LE(relative_l2(found->second, golden.values), 1e-4) << stage;
}

class OfflineParity : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(OfflineParity, EveryStageAndTokenEqualsNeMo) {
  const auto golden = read_json(GetParam().json);
  const auto tensors = tensors_of(GetParam());
  const auto pcm = golden_audio(golden["audio"]);
  for (const Way& way : kWays) {
    SCOPED_TRACE(std::string(way.backend) + (way.mode == StreamingMode::kOffline ? " offline" : " exact"));
    const auto recognizer = golden_recognizer(GetParam().model, way.backend);
    for (const auto& [prompt, expected] : golden["prompts"].items()) {
      SCOPED_TRACE(prompt);
      StreamOptions options{.att_context = context_of(golden), .mode = way.mode};
      if (recognizer->info().has_prompt) options.target_lang = prompt;
      const auto stream = make_stream(*recognizer, options);
      const Stages stages = run(*recognizer, *stream, pcm);
      for (const auto& [name, tensor] : tensors) {
        if (name == "pre_encode") expect_stage(stages, "subsampling", tensor);
        if (name == "encoded") expect_stage(stages, "encoder", tensor);
        if (name == "prompt." + prompt) expect_stage(stages, "prompt", tensor);
        if (name.starts_with("layer") && name.find('.') == std::string::npos) {
          expect_stage(stages, "layer." + name.substr(5), tensor);
        }
      }
      if (is_tie(GetParam().model, GetParam().json.stem().string(), prompt)) continue;
      const Transcript& transcript = stream->transcript();
      EXPECT_EQ(token_ids(transcript), expected["tokens"].get<std::vector<int>>());
      EXPECT_EQ(token_frames(transcript), expected["timestamps"].get<std::vector<int>>());
      EXPECT_EQ(transcript.text, expected["text_stripped"].get<std::string>());
      EXPECT_NEAR(transcript.score, expected["score"].get<double>(), 2e-3 * (1 + transcript.tokens.size()));
    }
  }
}

TEST_P(OfflineParity, TextWithTagsEqualsNeMo) {
  const auto golden = read_json(GetParam().json);
  const auto recognizer = golden_recognizer(GetParam().model, "cpu");
  const auto pcm = golden_audio(golden["audio"]);
  for (const auto& [prompt, expected] : golden["prompts"].items()) {
    if (is_tie(GetParam().model, GetParam().json.stem().string(), prompt)) continue;
    StreamOptions options{
        .att_context = context_of(golden), .mode = StreamingMode::kOffline, .keep_lang_tags = true};
    if (recognizer->info().has_prompt) options.target_lang = prompt;
    const auto stream = make_stream(*recognizer, options);
    run(*recognizer, *stream, pcm);
    EXPECT_EQ(stream->transcript().text, expected["text"].get<std::string>()) << prompt;
  }
}

// All but the batches, which have a test of their own below.
std::vector<GoldenCase> single_clips() {
  std::vector<GoldenCase> cases = golden_cases("offline_");
  std::erase_if(cases, [](const GoldenCase& golden) { return read_json(golden.json)["kind"] != "offline"; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Golden, OfflineParity, ::testing::ValuesIn(single_clips()), case_name);

// Clips of different length and language in one batch: every stream must equal NeMo's batch, which equals
// each alone.
TEST(OfflineBatchParity, StreamsOfOneBatchEqualNeMo) {
  if (golden_cases("offline_batch").empty()) GTEST_SKIP() << "the golden folder has no offline_batch case";
  for (const GoldenCase& golden_case : golden_cases("offline_batch")) {
    SCOPED_TRACE(golden_case.model);
    const auto golden = read_json(golden_case.json);
    const auto recognizer = golden_recognizer(golden_case.model, "cpu");
    std::vector<std::unique_ptr<engine::StreamImpl>> streams;
    std::vector<Stream*> batch;
    for (std::size_t index = 0; index < golden["audio"].size(); ++index) {
      StreamOptions options{.att_context = context_of(golden)};
      if (recognizer->info().has_prompt) options.target_lang = golden["langs"][index];
      streams.push_back(make_stream(*recognizer, options));
      streams.back()->accept_waveform(golden_audio(golden["audio"][index]));
      streams.back()->input_finished();
      batch.push_back(streams.back().get());
    }
    const auto any_ready = [&] {
      return std::any_of(batch.begin(), batch.end(), [](const Stream* stream) { return stream->is_ready(); });
    };
    while (any_ready()) recognizer->decode(batch);
    for (std::size_t index = 0; index < streams.size(); ++index) {
      const Transcript& transcript = streams[index]->transcript();
      EXPECT_EQ(token_ids(transcript), golden["hyps"][index]["tokens"].get<std::vector<int>>()) << index;
      EXPECT_EQ(token_frames(transcript), golden["hyps"][index]["timestamps"].get<std::vector<int>>())
          << index;
      EXPECT_EQ(transcript.text, golden["hyps"][index]["text_stripped"].get<std::string>()) << index;
    }
  }
}

}  // namespace
}  // namespace glossa::testing
