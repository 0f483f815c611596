// What an engine may ask of a device. Everything is f32 at this boundary.
//
// Contract of every operation: a row of the result depends on its own row of the input alone, never on the
// other rows, their number, or the number of threads; so a stream's result does not depend on the batch it
// was computed in. All functions are const and may be called from several threads at once. Sizes are the
// caller's promise.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/matrix.h"
#include "backend/row_ring.h"
#include "glossa/types.hpp"

namespace glossa::backend {

enum class Activation { kNone, kRelu, kSwish };

// A linear layer's weight in the layout that its backend chose. Knows its kernel; immutable.
class PackedWeight {
 public:
  virtual ~PackedWeight() = default;
  virtual std::int64_t rows() const = 0;  // outputs
  virtual std::int64_t cols() const = 0;  // inputs
  virtual WeightFormat format() const = 0;
  // What Backend::adopt() takes; empty for a weight that is used as it was given.
  virtual std::span<const std::byte> bytes() const = 0;
};

struct LinearOptions {
  const float* bias = nullptr;  // [outputs], or none
  Activation activation = Activation::kNone;
  float residual_scale = 0;  // 0: y = result. Otherwise y += residual_scale * result
};

// One of several linear layers with the same input.
struct LinearPart {
  const PackedWeight* weight = nullptr;
  LinearOptions options;
  Matrix<float> y;  // [n, outputs]
};

// One stream's part of a ragged attention step. The rings hold `cached` rows of the past and have room for
// the step's own rows behind them, which attention() writes.
struct AttentionStream {
  Matrix<const float> queries;     // [frames, d_model], the first frame begins a chunk
  Matrix<const float> new_keys;    // [frames, d_model]
  Matrix<const float> new_values;  // [frames, d_model]
  RowRing keys;                    // [cached + frames]
  RowRing values;                  // [cached + frames]
  std::int64_t cached = 0;
  AttContext context;
  // Head by head [heads, offsets, head size]; row p of a head: its part of W_pos PE(max_offset - p).
  Matrix<const float> positions;  // [heads, offsets * head size]
  std::int64_t max_offset = 0;    // query index - key index of a head's first row
  Matrix<float> output;           // [frames, d_model]
};

// One stream's part of a ragged causal convolution.
struct ConvStream {
  Matrix<const float> input;  // [frames, 2 d]: values, then gates
  Matrix<float> tail;         // ring of the kernel - 1 gated frames before; the step's own replace the oldest
  std::int64_t oldest = 0;    // row of `tail`
  Matrix<float> output;       // [frames, d]
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

  // `weight` is [outputs, inputs]. The result's format() may be wider than `format` asks for. A result
  // without bytes() uses `weight` itself, which must outlive it; others have copied it. `importance`,
  // [inputs] or null: the mean square of each input where it is known, which makes coarse formats round where
  // it hurts least.
  virtual std::unique_ptr<const PackedWeight> pack(Matrix<const float> weight, WeightFormat format,
                                                   const float* importance = nullptr) const = 0;
  // The name of the layout of packed bytes: adopt() takes those that a backend with the same name packed.
  virtual std::string packed_layout() const = 0;
  // A weight over bytes that an equal pack() made: not copied, they must outlive the result and be aligned
  // to 64. Null when they cannot be such a weight's.
  virtual std::unique_ptr<const PackedWeight> adopt(std::span<const std::byte> bytes, std::int64_t rows,
                                                    std::int64_t cols, WeightFormat format) const = 0;

  // For each part y = activation(x weight^T + bias): x [n, inputs]; y may not overlap x.
  virtual void linear(Matrix<const float> x, std::span<const LinearPart> parts) const = 0;
  void linear(Matrix<const float> x, const PackedWeight& weight, const LinearOptions& options,
              Matrix<float> y) const {
    const LinearPart part{&weight, options, y};
    linear(x, {&part, 1});
  }

  // y = activation((x - mean) / sqrt(variance + 1e-5) * weight + bias), by row. y may be x.
  virtual void layer_norm(Matrix<const float> x, const float* weight, const float* bias,
                          Activation activation, Matrix<float> y) const = 0;

  // g = values * sigmoid(gates) of the input, then output[i] = bias + sum over k of g[i + k - (kernel - 1)] *
  // taps[k], by column; g before the step is the stream's tail. taps [kernel, d]; bias [d] or null. The
  // streams' tails receive the last frames of g, written from `oldest` on.
  virtual void glu_depthwise_conv(std::span<const ConvStream> streams, Matrix<const float> taps,
                                  const float* bias) const = 0;

  // Output frame n of a stride-2 convolution reads input frames 2 n - 2 .. 2 n; those before 0 or from
  // total_frames on are absent, and so are frequencies outside [0, bins). `input` is [frames, bins * input
  // channels] and holds input frames from first_input on; `output` is [frames, (bins / 2 + 1) * channels] and
  // begins at output frame first_output.
  virtual void strided_conv(Matrix<const float> input, std::int64_t first_input, std::int64_t total_frames,
                            std::int64_t bins, const StridedConv& conv, std::int64_t first_output,
                            Matrix<float> output) const = 0;

  // Multi-head attention with relative positions (Transformer-XL, untied biases) under the chunked_limited
  // mask: a frame sees its own chunk and context.left frames before it. score(i, j) = ((q_i + u) k_j + (q_i +
  // v) p(i - j)) / sqrt(head size). bias_u and bias_v: [d_model]. Keys and values are those that the rings
  // give back, the step's own included.
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

  // Seconds that threads other than the callers' have worked while counting was on.
  virtual void count_worker_time(bool on) const = 0;
  virtual double worker_seconds() const = 0;
};

// `name`: "cpu" or "reference". threads: 0 is one per core. Error kInvalidArgument for an unknown name.
std::shared_ptr<const Backend> make_backend(const std::string& name, int threads);

// NeMo's normalisation of sum(p^0.33) over `classes` to a confidence in [0, 1].
float tsallis_confidence(double sum_of_powers, std::int64_t classes);
inline constexpr double kTsallisAlpha = 0.33;
inline constexpr float kLayerNormEpsilon = 1e-5f;

}  // namespace glossa::backend
