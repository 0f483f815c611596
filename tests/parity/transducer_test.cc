// Oracle: NeMo's predictor, joint, greedy and beam search on stored encoder output. cases/<model>/joint.*,
// search_*
#include <gtest/gtest.h>

#include "engine/beam_decoder.h"
#include "engine/greedy_decoder.h"
#include "engine/weights.h"
#include "parity/golden_cases.h"
#include "support/closeness.h"

namespace glossa::testing {
namespace {

using backend::Buffer;
using backend::Matrix;

struct Transducer {
  Transducer(const std::string& model, const std::string& backend_name)
      : checkpoint(golden_checkpoint(model)),
        backend(backend::make_backend(backend_name, 1)),
        store(checkpoint, *backend),
        predictor(*backend, checkpoint->config().predictor, store),
        joint(*backend, store),
        decoder(*backend, predictor, joint, checkpoint->config().predictor.blank_id()),
        beam_decoder(*backend, predictor, joint, checkpoint->config().predictor.blank_id(),
                     decoder.initial_state()) {}

  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  std::shared_ptr<const backend::Backend> backend;
  engine::WeightStore store;
  engine::Predictor predictor;
  engine::Joint joint;
  engine::GreedyDecoder decoder;
  engine::BeamDecoder beam_decoder;
};

Matrix<const float> rows_of(const GoldenTensor& tensor) {
  const std::int64_t cols = tensor.shape.back();
  return {tensor.values.data(), static_cast<std::int64_t>(tensor.values.size()) / cols, cols, cols};
}

class TransducerParity : public ::testing::TestWithParam<const char*> {};

TEST_P(TransducerParity, PredictorAndJointEqualNeMo) {
  if (golden_cases("joint").empty()) GTEST_SKIP() << "the golden folder has no joint case";
  for (const GoldenCase& golden_case : golden_cases("joint")) {
    SCOPED_TRACE(golden_case.model);
    const auto golden = read_json(golden_case.json);
    const auto tensors = tensors_of(golden_case);
    const Transducer transducer(golden_case.model, GetParam());
    const GoldenTensor& expected_outputs = tensors.at("pred_out");
    const GoldenTensor& targets = tensors.at("targets");
    const std::int64_t size = expected_outputs.shape[1];
    const std::int64_t hidden_size = transducer.joint.hidden_size();

    engine::PredictorState state = transducer.predictor.zero_state();
    engine::PredictorState* states[] = {&state};
    engine::PredictorWorkspace workspace;
    std::vector<float> outputs;
    for (std::int64_t step = 0; step < expected_outputs.shape[0]; ++step) {
      const int label = step == 0 ? transducer.checkpoint->config().predictor.blank_id()
                                  : static_cast<int>(targets.values[static_cast<std::size_t>(step - 1)]);
      const Matrix<const float> output = transducer.predictor.step(std::span(&label, 1), states, workspace);
      outputs.insert(outputs.end(), output.data, output.data + size);
    }
    expect_close(outputs, expected_outputs.values, kLayerTolerance, "pred_out");

    Buffer frames_buffer;
    const Matrix<float> frames =
        transducer.joint.project_frames(rows_of(tensors.at("enc_in")), frames_buffer);
    expect_close({frames.data, static_cast<std::size_t>(frames.rows * frames.cols)},
                 tensors.at("enc_proj").values, kLayerTolerance, "enc_proj");
    Buffer predictions(expected_outputs.shape[0], hidden_size);
    transducer.joint.project_predictions({outputs.data(), expected_outputs.shape[0], size, size},
                                         predictions.view());
    expect_close({predictions.view().data, static_cast<std::size_t>(expected_outputs.shape[0] * hidden_size)},
                 tensors.at("pred_proj").values, kLayerTolerance, "pred_proj");

    const GoldenTensor& logits = tensors.at("logits");
    const auto frame_indices = golden["t"].get<std::vector<std::int64_t>>();
    const auto prefix_lengths = golden["u"].get<std::vector<std::int64_t>>();
    std::size_t offset = 0;
    for (const std::int64_t frame : frame_indices) {
      for (const std::int64_t prefix : prefix_lengths) {
        Buffer hidden(1, hidden_size);
        Buffer actual(1, transducer.joint.outputs());
        transducer.backend->add_relu(frames.rows_from(frame, 1), predictions.view().rows_from(prefix, 1),
                                     hidden.view());
        transducer.joint.logits(hidden.view(), actual.view());
        const auto width = static_cast<std::size_t>(transducer.joint.outputs());
        const std::span<const float> row(actual.view().data, width);
        expect_close(row, std::span(logits.values).subspan(offset, width), kLogitTolerance, "logits");
        const std::span<const float> log_probs =
            std::span(tensors.at("log_probs").values).subspan(offset, width);
        for (const int label : {0, static_cast<int>(width) / 2, static_cast<int>(width) - 1}) {
          EXPECT_NEAR(transducer.backend->label_score(row, label).log_prob,
                      log_probs[static_cast<std::size_t>(label)], 2e-3);
        }
        offset += width;
      }
    }
  }
}

// Calls check(transducer, frames, run) with every search that NeMo made: what it searched with, and what it
// found.
template <class Check>
void each_search(const std::string& backend, const Check& check) {
  for (const GoldenCase& golden_case : golden_cases("search_")) {
    SCOPED_TRACE(golden_case.model + " " + golden_case.json.stem().string());
    const auto golden = read_json(golden_case.json);
    const auto tensors = tensors_of(golden_case);
    const Transducer transducer(golden_case.model, backend);
    const auto found =
        tensors.find("prompted") != tensors.end() ? tensors.find("prompted") : tensors.find("encoded");
    ASSERT_NE(found, tensors.end());
    Buffer buffer;
    const Matrix<float> frames = transducer.joint.project_frames(rows_of(found->second), buffer);
    for (const auto& run : golden["runs"]) {
      SCOPED_TRACE(run["name"]);
      check(transducer, frames, run);
    }
  }
}

TEST_P(TransducerParity, GreedySearchEqualsNeMoForEveryMaxSymbols) {
  int runs = 0;
  each_search(GetParam(), [&](const Transducer& transducer, Matrix<const float> frames, const auto& run) {
    if (!run["name"].template get<std::string>().starts_with("greedy")) return;
    const int max_symbols = run["options"].contains("max_symbols") && !run["options"]["max_symbols"].is_null()
                                ? run["options"]["max_symbols"].template get<int>()
                                : transducer.checkpoint->config().decoding.max_symbols;
    Transcript transcript;
    engine::DecoderState state = transducer.decoder.initial_state();
    engine::DecoderWorkspace workspace;
    const engine::DecoderInput input{
        .frames = frames, .state = &state, .tokens = &transcript.tokens, .max_symbols = max_symbols};
    transducer.decoder.decode({&input, 1}, workspace);
    const auto& expected = run["nbest"][0];
    EXPECT_EQ(token_ids(transcript), expected["tokens"].template get<std::vector<int>>());
    if (expected.contains("timestamps") && expected["timestamps"].is_array()) {
      EXPECT_EQ(token_frames(transcript), expected["timestamps"].template get<std::vector<int>>());
    }
    ++runs;
  });
  EXPECT_GT(runs, 0);
}

TEST_P(TransducerParity, BeamSearchEqualsNeMosHypothesesScoresAndFrames) {
  int runs = 0;
  each_search(GetParam(), [&](const Transducer& transducer, Matrix<const float> frames, const auto& run) {
    if (run["options"]["strategy"] != "malsd_batch") return;
    Transcript transcript;
    engine::BeamState state = transducer.beam_decoder.initial_state();
    engine::DecoderWorkspace workspace;
    const engine::BeamInput input{.frames = frames,
                                  .state = &state,
                                  .tokens = &transcript.tokens,
                                  .beam_size = run["options"]["beam.beam_size"],
                                  .chunk_frames = static_cast<int>(frames.rows),
                                  .max_symbols = run["options"]["beam.max_symbols"]};
    transducer.beam_decoder.decode({&input, 1}, workspace);
    ASSERT_EQ(state.hypotheses.size(), run["nbest"].size());
    for (std::size_t rank = 0; rank < state.hypotheses.size(); ++rank) {
      SCOPED_TRACE(rank);
      const auto& expected = run["nbest"][rank];
      const engine::Hypothesis& actual = state.hypotheses[rank];
      Transcript whole{.tokens = transcript.tokens};
      whole.tokens.insert(whole.tokens.end(), actual.tokens.begin(), actual.tokens.end());
      EXPECT_EQ(token_ids(whole), expected["tokens"].template get<std::vector<int>>());
      EXPECT_NEAR(actual.score, expected["score"].template get<double>(), 2e-3);
      // The settled labels' frames are the best hypothesis's.
      if (rank == 0) {
        EXPECT_EQ(token_frames(whole), expected["timestamps"].template get<std::vector<int>>());
      }
    }
    ++runs;
  });
  EXPECT_GT(runs, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, TransducerParity, ::testing::Values("cpu", "reference"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace glossa::testing
