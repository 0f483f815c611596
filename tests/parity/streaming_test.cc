// Oracle: NeMo's cache-aware streaming loop (CacheAwareStreamingAudioBuffer), step by step.
// cases/<model>/stream_*
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/weights.h"
#include "parity/golden_cases.h"
#include "support/closeness.h"
#include "support/golden.h"

namespace glossa::testing {
namespace {

using backend::Matrix;

// NeMo caches the attention's input; glossa its projections. The expectation is the golden input projected
// here.
void expect_attention_cache(engine::EncoderCache& cache, const GoldenTensor& golden,
                            const std::string& model) {
  const auto checkpoint = golden_checkpoint(model);
  const auto backend = backend::make_backend("reference", 1);
  engine::WeightStore store(checkpoint, *backend);
  const std::int64_t left = golden.shape[2];
  const std::int64_t d_model = golden.shape[3];
  const std::int64_t cached = cache.cached();
  cache.begin(0);
  for (std::int64_t layer = 0; layer < golden.shape[0]; ++layer) {
    const std::string prefix = "encoder.layers." + std::to_string(layer) + ".self_attn.";
    for (const char* name : {"linear_k", "linear_v"}) {
      const Matrix<const float> weight = store.matrix(prefix + name + ".weight");
      const float* bias = store.optional_vector(prefix + name + ".bias");
      const bool is_key = std::string(name) == "linear_k";
      const backend::RowRing ring =
          is_key ? cache.keys(static_cast<int>(layer)) : cache.values(static_cast<int>(layer));
      ASSERT_EQ(ring.layout.format, CacheFormat::kF32);
      for (std::int64_t row = 0; row < cached; ++row) {
        const float* input = golden.values.data() + (layer * left + left - cached + row) * d_model;
        for (std::int64_t out = 0; out < d_model; ++out) {
          double expected = bias != nullptr ? bias[out] : 0.0;
          for (std::int64_t in = 0; in < d_model; ++in) expected += double{input[in]} * weight.row(out)[in];
          const std::int64_t head_size = ring.layout.head_size;
          const float actual =
              reinterpret_cast<const float*>(ring.head(row, out / head_size))[out % head_size];
          ASSERT_NEAR(actual, expected, 1e-3 + 1e-3 * std::abs(expected)) << prefix << name << " " << row;
        }
      }
    }
  }
  cache.end();
}

void expect_conv_cache(engine::EncoderCache& cache,
                       const GoldenTensor& golden) {  // [layer, batch, d_model, tail]
  const std::int64_t d_model = golden.shape[2];
  const std::int64_t tail = golden.shape[3];
  for (std::int64_t layer = 0; layer < golden.shape[0]; ++layer) {
    const Matrix<float> actual = cache.conv_tail(static_cast<int>(layer));
    for (std::int64_t frame = 0; frame < tail; ++frame) {
      const float* row = actual.row((cache.oldest_tail_row() + frame) % tail);
      for (std::int64_t unit = 0; unit < d_model; ++unit) {
        const float expected =
            golden.values[static_cast<std::size_t>((layer * d_model + unit) * tail + frame)];
        ASSERT_NEAR(row[unit], expected, 1e-3 + 1e-3 * std::abs(expected)) << layer << " " << frame;
      }
    }
  }
}

class StreamingParity : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(StreamingParity, EveryStepEqualsNeMo) {
  const auto golden = read_json(GetParam().json);
  const auto tensors = tensors_of(GetParam());
  for (const char* backend : {"cpu", "reference"}) {
    SCOPED_TRACE(backend);
    const auto recognizer = golden_recognizer(GetParam().model, backend);
    const bool uniform = golden["pad_and_drop_preencoded"];
    StreamOptions options{.att_context = context_of(golden),
                          .mode = uniform ? StreamingMode::kUniform : StreamingMode::kNemoBuffer,
                          .keep_lang_tags = true,
                          .nemo_batch_mel_frames = golden["mel_frames"]};
    if (recognizer->info().has_prompt) options.target_lang = golden["lang"];

    std::vector<std::unique_ptr<engine::StreamImpl>> streams;
    std::vector<Stream*> batch;
    for (const auto& file : golden["audio"]) {
      streams.push_back(make_stream(*recognizer, options));
      streams.back()->accept_waveform(golden_audio(file));
      streams.back()->input_finished();
      batch.push_back(streams.back().get());
    }
    std::vector<std::vector<float>> encoded(streams.size());
    std::map<std::string, std::vector<float>> of_step;
    const engine::StageTap tap = [&](std::string_view stage, std::size_t stream, Matrix<const float> rows) {
      if (stage == "encoder")
        encoded[stream].insert(encoded[stream].end(), rows.data, rows.data + rows.rows * rows.cols);
      if (stream == 0) of_step[std::string(stage)].assign(rows.data, rows.data + rows.rows * rows.cols);
    };
    for (const auto& step : golden["steps"]) {
      SCOPED_TRACE("step " + std::to_string(step["step"].get<int>()));
      of_step.clear();
      recognizer->step(batch, tap, nullptr);
      for (std::size_t index = 0; index < streams.size(); ++index) {
        const Transcript& transcript = streams[index]->transcript();
        ASSERT_EQ(token_ids(transcript), step["tokens"][index].get<std::vector<int>>());
        ASSERT_EQ(token_frames(transcript), step["timestamps"][index].get<std::vector<int>>());
        ASSERT_EQ(transcript.text, step["text"][index].get<std::string>());
        EXPECT_NEAR(transcript.score, step["score"][index].get<double>(),
                    2e-3 * (1 + transcript.tokens.size()));
        if (streams[index]->is_ready()) {
          EXPECT_EQ(streams[index]->encoder_cache().cached(), step["cache_len"][index].get<std::int64_t>());
        }
      }
      const std::string prefix = "chunk" + std::to_string(step["step"].get<int>()) + ".";
      const auto tensor = [&](const std::string& name) {
        const auto found = tensors.find(prefix + name);
        return found != tensors.end() ? &found->second : nullptr;
      };
      if (const auto* expected = tensor("encoded")) {
        expect_close(of_step["encoder"], expected->values, kLayerTolerance, prefix + "encoded");
      }
      if (const auto* expected = tensor("prompted")) {
        expect_close(of_step["prompt"], expected->values, kLayerTolerance, prefix + "prompted");
      }
      if (const auto* expected = tensor("cache_last_time"))
        expect_conv_cache(streams[0]->encoder_cache(), *expected);
      if (const auto* expected = tensor("cache_last_channel")) {
        expect_attention_cache(streams[0]->encoder_cache(), *expected, GetParam().model);
      }
      if (const auto* expected = tensor("pred_state_h")) {
        expect_close(streams[0]->decoder_state().predictor.hidden, expected->values, kLayerTolerance,
                     prefix + "h");
      }
      if (const auto* expected = tensor("pred_state_c")) {
        expect_close(streams[0]->decoder_state().predictor.cell, expected->values, kLayerTolerance,
                     prefix + "c");
      }
    }
    for (std::size_t index = 0; index < streams.size(); ++index) {
      EXPECT_FALSE(streams[index]->is_ready()) << "NeMo's loop ends here";
      const auto found = tensors.find("encoded" + std::to_string(index));
      ASSERT_NE(found, tensors.end());
      expect_close(encoded[index], found->second.values, kLayerTolerance, found->first);
      EXPECT_LE(relative_l2(encoded[index], found->second.values), 1e-4) << found->first;
    }
    if (const auto found = tensors.find("last.cache_last_time"); found != tensors.end()) {
      expect_conv_cache(streams[0]->encoder_cache(), found->second);
      expect_attention_cache(streams[0]->encoder_cache(), tensors.at("last.cache_last_channel"),
                             GetParam().model);
    }
    if (!golden.contains("final")) continue;
    for (std::size_t index = 0; index < streams.size(); ++index) {
      EXPECT_EQ(streams[index]->transcript().text, golden["final"][index]["text"].get<std::string>());
    }
  }
}

// Words and sentences before the last tag are kept from one reading to the next. Oracle: a stream read once,
// at its end.
TEST(TranscriptParity, ReadingAtEveryStepEqualsReadingOnce) {
  if (!std::filesystem::exists(golden_model_path("tiny"))) {
    GTEST_SKIP() << "the golden folder named by GLOSSA_GOLDEN_DIR has no tiny.nemo";
  }
  const auto recognizer = golden_recognizer("tiny", "cpu");
  const StreamOptions options{.att_context = AttContext{56, 3}};
  const auto often = make_stream(*recognizer, options);
  const auto once = make_stream(*recognizer, options);
  Stream* both[] = {often.get(), once.get()};
  for (const auto& stream : {often.get(), once.get()}) {
    for (int repeat = 0; repeat < 4; ++repeat) stream->accept_waveform(golden_audio("long.wav"));
    stream->input_finished();
  }
  while (often->is_ready()) {
    recognizer->decode(both);
    often->transcript();
  }
  const Transcript& actual = often->transcript();
  const Transcript& expected = once->transcript();
  EXPECT_EQ(actual.text, expected.text);
  EXPECT_EQ(actual.language, expected.language);
  EXPECT_DOUBLE_EQ(actual.score, expected.score);
  ASSERT_GT(expected.sentences.size(), 2u) << "several tags, or the test proves nothing";
  ASSERT_EQ(actual.words.size(), expected.words.size());
  for (std::size_t index = 0; index < expected.words.size(); ++index) {
    EXPECT_EQ(actual.words[index].text, expected.words[index].text);
    EXPECT_EQ(actual.words[index].language, expected.words[index].language);
    EXPECT_EQ(actual.words[index].start, expected.words[index].start);
    EXPECT_EQ(actual.words[index].end, expected.words[index].end);
    EXPECT_EQ(actual.words[index].confidence, expected.words[index].confidence);
  }
  ASSERT_EQ(actual.sentences.size(), expected.sentences.size());
  for (std::size_t index = 0; index < expected.sentences.size(); ++index) {
    EXPECT_EQ(actual.sentences[index].text, expected.sentences[index].text);
    EXPECT_EQ(actual.sentences[index].language, expected.sentences[index].language);
    EXPECT_EQ(actual.sentences[index].start, expected.sentences[index].start);
    EXPECT_EQ(actual.sentences[index].end, expected.sentences[index].end);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, StreamingParity, ::testing::ValuesIn(golden_cases("stream_")), case_name);

}  // namespace
}  // namespace glossa::testing
