// Oracle: the same checkpoint in f32. What the other weight formats, and the number formats of keys and
// values, change in tokens and in the encoder's output.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parity/golden_cases.h"
#include "support/golden.h"

namespace glossa::testing {
namespace {

struct Run {
  std::vector<Token> tokens;
  std::vector<float> encoded;    // [frames, d_model]
  std::vector<float> projected;  // [frames, joint hidden]: what the joint sees of a frame
};

Run run(const engine::RecognizerImpl& recognizer, AttContext context, std::span<const float> pcm) {
  Run result;
  const auto stream = make_stream(recognizer, {.att_context = context});
  stream->accept_waveform(pcm);
  stream->input_finished();
  Stream* streams[] = {stream.get()};
  const engine::StageTap tap = [&](std::string_view stage, std::size_t, backend::Matrix<const float> rows) {
    if (stage != "encoder" && stage != "joint.enc") return;
    std::vector<float>& values = stage == "encoder" ? result.encoded : result.projected;
    for (std::int64_t row = 0; row < rows.rows; ++row) {
      values.insert(values.end(), rows.row(row), rows.row(row) + rows.cols);
    }
  };
  while (stream->is_ready()) recognizer.step(streams, tap, nullptr);
  result.tokens = stream->transcript().tokens;
  return result;
}

// The transducer's label decisions of one checkpoint in one weight format.
class Transducer {
 public:
  Transducer(const std::string& model, WeightFormat weights)
      : checkpoint_(golden_checkpoint(model)),
        backend_(backend::make_backend("cpu", 1)),
        store_(checkpoint_, *backend_, weights),
        predictor_(*backend_, checkpoint_->config().predictor, store_),
        joint_(*backend_, store_) {}

  // Along the path of `tokens` through the frames: how often the best label is not the one that the path
  // takes. Every frame is visited once per token emitted there, and once more for its blank unless the limit
  // was met.
  std::int64_t differing_decisions(std::span<const float> projected, const std::vector<Token>& tokens,
                                   std::int64_t& decisions) const {
    const int blank = checkpoint_->config().predictor.blank_id();
    const int limit = checkpoint_->config().decoding.max_symbols;
    const std::int64_t width = joint_.hidden_size();
    const std::int64_t frames = static_cast<std::int64_t>(projected.size()) / width;
    engine::PredictorState state = predictor_.zero_state();
    std::vector<float> prediction = predict(blank, state);
    std::int64_t differing = 0;
    std::size_t next = 0;
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      for (int symbols = 0; symbols < limit; ++symbols) {
        const bool emits = next < tokens.size() && tokens[next].frame == frame;
        const int expected = emits ? tokens[next].id : blank;
        ++decisions;
        if (best(projected.data() + frame * width, prediction) != expected) ++differing;
        if (!emits) break;
        prediction = predict(expected, state);
        ++next;
      }
    }
    EXPECT_EQ(next, tokens.size());
    return differing;
  }

 private:
  std::vector<float> predict(int label, engine::PredictorState& state) const {
    engine::PredictorState* states[] = {&state};
    engine::PredictorWorkspace workspace;
    std::vector<float> projected(static_cast<std::size_t>(joint_.hidden_size()));
    joint_.project_predictions(predictor_.step(std::span(&label, 1), states, workspace),
                               {projected.data(), 1, joint_.hidden_size(), joint_.hidden_size()});
    return projected;
  }
  int best(const float* frame, const std::vector<float>& prediction) const {
    const std::int64_t width = joint_.hidden_size();
    backend::Buffer hidden(1, width);
    backend::Buffer logits(1, joint_.outputs());
    backend_->add_relu({frame, 1, width, width}, {prediction.data(), 1, width, width}, hidden.view());
    joint_.logits(hidden.view(), logits.view());
    int column = 0;
    backend_->argmax(logits.view(), {&column, 1});
    return column;
  }

  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
  std::shared_ptr<const backend::Backend> backend_;
  engine::WeightStore store_;
  engine::Predictor predictor_;
  engine::Joint joint_;
};

std::int64_t edits(const std::vector<Token>& a, const std::vector<Token>& b) {
  std::vector<std::int64_t> row(b.size() + 1);
  for (std::size_t column = 0; column <= b.size(); ++column) row[column] = static_cast<std::int64_t>(column);
  for (std::size_t index = 1; index <= a.size(); ++index) {
    std::int64_t diagonal = row[0];
    row[0] = static_cast<std::int64_t>(index);
    for (std::size_t column = 1; column <= b.size(); ++column) {
      const std::int64_t replaced = diagonal + (a[index - 1].id == b[column - 1].id ? 0 : 1);
      diagonal = row[column];
      row[column] = std::min({replaced, row[column] + 1, row[column - 1] + 1});
    }
  }
  return row.back();
}

struct Difference {
  double dot = 0, norm_a = 0, norm_b = 0;
  std::int64_t edits = 0, tokens = 0;
  std::int64_t differing = 0, decisions = 0;
  double cosine() const { return dot / std::sqrt(norm_a * norm_b); }
  double token_error_rate() const { return static_cast<double>(edits) / static_cast<double>(tokens); }
  double decision_error_rate() const {
    return static_cast<double>(differing) / static_cast<double>(decisions);
  }
};

std::shared_ptr<const engine::RecognizerImpl> load(const std::string& model, WeightFormat weights,
                                                   CacheFormat kv_cache) {
  RecognizerOptions options{.model = golden_model_path(model)};
  options.weights = weights;
  options.kv_cache = kv_cache;
  return std::make_shared<const engine::RecognizerImpl>(golden_checkpoint(model), options);
}

// Over every recording and every latency setting of the checkpoint.
Difference compare(const std::string& model, WeightFormat weights, CacheFormat kv_cache) {
  const auto exact = golden_recognizer(model, "cpu");
  const auto coarse = load(model, weights, kv_cache);
  const Transducer transducer(model, weights);
  Difference total;
  for (const auto& file : list_files(golden_dir() / "audio", "", ".wav")) {
    const std::vector<float> pcm = golden_audio(file.filename().string());
    for (const AttContext context : exact->info().att_contexts) {
      const Run expected = run(*exact, context, pcm);
      const Run actual = run(*coarse, context, pcm);
      EXPECT_EQ(actual.encoded.size(), expected.encoded.size()) << file;
      for (std::size_t index = 0; index < expected.encoded.size(); ++index) {
        total.dot += double{expected.encoded[index]} * actual.encoded[index];
        total.norm_a += double{expected.encoded[index]} * expected.encoded[index];
        total.norm_b += double{actual.encoded[index]} * actual.encoded[index];
      }
      total.differing += transducer.differing_decisions(actual.projected, expected.tokens, total.decisions);
      total.edits += edits(expected.tokens, actual.tokens);
      total.tokens += static_cast<std::int64_t>(expected.tokens.size());
    }
  }
  return total;
}

struct Fidelity {
  const char* name;
  WeightFormat weights;
  CacheFormat kv_cache;
  double least_cosine;              // of the encoder's output
  double most_differing_decisions;  // of all label decisions along the path that f32 takes
};

// What these checkpoints can tell: they are random or hardly trained, so the two best labels are often a hair
// apart, and one different label changes all that follow. Tokens of a free run are printed, not judged.
const Fidelity kFidelities[] = {
    {"f32_bf16_cache", WeightFormat::kF32, CacheFormat::kBF16, 0.99999, 0.003},
    {"f32_int8_cache", WeightFormat::kF32, CacheFormat::kInt8, 0.9999, 0.01},
    {"bf16", WeightFormat::kBF16, CacheFormat::kAuto, 0.9999, 0.01},
    {"int8", WeightFormat::kInt8, CacheFormat::kAuto, 0.999, 0.04},
    {"int4", WeightFormat::kInt4, CacheFormat::kAuto, 0.988, 0.09},
};

class FormatFidelity : public ::testing::TestWithParam<std::tuple<std::string, Fidelity>> {};

TEST_P(FormatFidelity, EncoderAndDecisionsStayNearF32) {
  const auto& [model, fidelity] = GetParam();
  const Difference difference = compare(model, fidelity.weights, fidelity.kv_cache);
  fmt::print(
      "{} {}: cosine {:.6f}, {} of {} decisions differ ({:.2f} %), free run: {} edits in {} tokens ({:.1f} "
      "%)\n",
      model, fidelity.name, difference.cosine(), difference.differing, difference.decisions,
      100 * difference.decision_error_rate(), difference.edits, difference.tokens,
      100 * difference.token_error_rate());
  EXPECT_GE(difference.cosine(), fidelity.least_cosine);
  EXPECT_LE(difference.decision_error_rate(), fidelity.most_differing_decisions);
}

std::vector<std::string> models() {
  std::vector<std::string> names;
  for (const auto& path : list_files(golden_dir() / "models", "", ".nemo"))
    names.push_back(path.stem().string());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Formats, FormatFidelity,
                         ::testing::Combine(::testing::ValuesIn(models()), ::testing::ValuesIn(kFidelities)),
                         [](const auto& test) {
                           std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param).name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace glossa::testing
