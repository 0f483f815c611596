// What an engine may ask of a device. Everything is f32 at this boundary.
//
// Contract of every operation: a row of the result depends on its own row of the input alone, never on the
// other rows, their number, or the number of threads; so a stream's result does not depend on the batch it
// was computed in. All functions are const and may be called from several threads at once. Sizes are the
// caller's promise.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/matrix.h"
#include "glossa/types.hpp"

namespace glossa::backend {

enum class Activation { kNone, kRelu, kSwish };

// A linear layer's weight in the layout that its backend chose. Knows its kernel; immutable.
class PackedWeight {
 public:
  virtual ~PackedWeight() = default;
  virtual std::int64_t rows() const = 0;  // outputs
  virtual std::int64_t cols() const = 0;  // inputs
};

struct LinearOptions {
  const float* bias = nullptr;  // [outputs], or none
  Activation activation = Activation::kNone;
  float residual_scale = 0;  // 0: y = result. Otherwise y += residual_scale * result
};

// One stream's part of a ragged attention step. Keys and values: `cached` rows of the past, then the step's
// own rows.
struct AttentionStream {
  Matrix<const float> queries;  // [frames, d_model], the first frame begins a chunk
  Matrix<const float> keys;     // [cached + frames, d_model]
  Matrix<const float> values;   // [cached + frames, d_model]
  std::int64_t cached = 0;
  AttContext context;
  Matrix<const float> positions;  // row p: W_pos PE(max_offset - p), [.., d_model]
  std::int64_t max_offset = 0;    // query index - key index of positions' first row
  Matrix<float> output;           // [frames, d_model]
};

// A causal 3 x 3 stride-2 convolution over [time, frequency] images with the channels last.
struct StridedConv {
  const float* taps = nullptr;  // [9, channels]: tap 3 * time + frequency
  const float* bias = nullptr;  // [channels]
  std::int64_t channels = 0;
  bool depthwise = false;  // false: one input channel, feeding every output channel
  Activation activation = Activation::kNone;
};

struct LabelScore {
  float log_prob = 0;
  float confidence = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual int threads() const = 0;

  // `weight` is [outputs, inputs]; it must outlive the result, which may or may not copy it.
  virtual std::unique_ptr<const PackedWeight> pack(Matrix<const float> weight) const = 0;

  // y = activation(x weight^T + bias): x [n, inputs], y [n, outputs]; y may not overlap x.
  virtual void linear(Matrix<const float> x, const PackedWeight& weight, const LinearOptions& options,
                      Matrix<float> y) const = 0;

  // y = activation((x - mean) / sqrt(variance + 1e-5) * weight + bias), by row. y may be x.
  virtual void layer_norm(Matrix<const float> x, const float* weight, const float* bias,
                          Activation activation, Matrix<float> y) const = 0;

  // y = x[:, :d] * sigmoid(x[:, d:]): x [n, 2 d], y [n, d].
  virtual void glu(Matrix<const float> x, Matrix<float> y) const = 0;

  // y[i] = bias + sum over k of x[i + k] * taps[k], by column: x [n + kernel - 1, d], taps [kernel, d], y [n,
  // d].
  virtual void depthwise_conv(Matrix<const float> x, Matrix<const float> taps, const float* bias,
                              Matrix<float> y) const = 0;

  // Output frame n of a stride-2 convolution reads input frames 2 n - 2 .. 2 n; those before 0 or from
  // total_frames on are absent, and so are frequencies outside [0, bins). `input` is [frames, bins * input
  // channels] and holds input frames from first_input on; `output` is [frames, (bins / 2 + 1) * channels] and
  // begins at output frame first_output.
  virtual void strided_conv(Matrix<const float> input, std::int64_t first_input, std::int64_t total_frames,
                            std::int64_t bins, const StridedConv& conv, std::int64_t first_output,
                            Matrix<float> output) const = 0;

  // Multi-head attention with relative positions (Transformer-XL, untied biases) under the chunked_limited
  // mask: a frame sees its own chunk and context.left frames before it. score(i, j) = ((q_i + u) k_j + (q_i +
  // v) p(i - j)) / sqrt(head size). bias_u and bias_v: [d_model].
  virtual void attention(std::span<const AttentionStream> streams, int heads, const float* bias_u,
                         const float* bias_v) const = 0;

  // PyTorch's LSTM cell, gates in order i, f, g, o: gates [n, 4 h]; cell and hidden [n, h], cell is updated
  // in place.
  virtual void lstm_cell(Matrix<const float> gates, Matrix<float> cell, Matrix<float> hidden) const = 0;

  // y = relu(a + b), by element; equal shapes. y may be a or b.
  virtual void add_relu(Matrix<const float> a, Matrix<const float> b, Matrix<float> y) const = 0;

  // Column of each row's largest element, the first of equals.
  virtual void argmax(Matrix<const float> x, std::span<int> columns) const = 0;

  // Log-probability of `label` in softmax(logits), and NeMo's default confidence of the whole distribution:
  // Tsallis entropy, alpha 0.33, exponential normalisation.
  virtual LabelScore label_score(std::span<const float> logits, int label) const = 0;
};

// `name`: "cpu" or "reference". threads: 0 is one per core. Error kInvalidArgument for an unknown name.
std::shared_ptr<const Backend> make_backend(const std::string& name, int threads);

// NeMo's normalisation of sum(p^0.33) over `classes` to a confidence in [0, 1].
float tsallis_confidence(double sum_of_powers, std::int64_t classes);
inline constexpr double kTsallisAlpha = 0.33;
inline constexpr float kLayerNormEpsilon = 1e-5f;

}  // namespace glossa::backend
