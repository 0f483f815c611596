#include "backend/reference/reference_backend.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"

namespace glossa::backend {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kSwish:
      return x * sigmoid(x);
    case Activation::kNone:
      break;
  }
  return x;
}

class ReferenceWeight final : public PackedWeight {
 public:
  explicit ReferenceWeight(Matrix<const float> values) : matrix(values) {}
  std::int64_t rows() const override { return matrix.rows; }
  std::int64_t cols() const override { return matrix.cols; }
  WeightFormat format() const override { return WeightFormat::kF32; }
  std::span<const std::byte> bytes() const override { return {}; }
  Matrix<const float> matrix;
};

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  int threads() const override { return 1; }

  // Every format is computed as f32: what the others are measured against.
  std::unique_ptr<const PackedWeight> pack(Matrix<const float> weight, WeightFormat,
                                           const float*) const override {
    return std::make_unique<const ReferenceWeight>(weight);
  }
  std::string packed_layout() const override { return "none"; }
  std::unique_ptr<const PackedWeight> adopt(std::span<const std::byte>, std::int64_t, std::int64_t,
                                            WeightFormat) const override {
    return nullptr;
  }

  using Backend::linear;
  void linear(Matrix<const float> x, std::span<const LinearPart> parts) const override {
    for (const LinearPart& part : parts) {
      const auto& w = static_cast<const ReferenceWeight&>(*part.weight).matrix;
      const LinearOptions& options = part.options;
      for (std::int64_t row = 0; row < x.rows; ++row) {
        for (std::int64_t out = 0; out < w.rows; ++out) {
          double sum = options.bias != nullptr ? options.bias[out] : 0.0;
          for (std::int64_t in = 0; in < w.cols; ++in) sum += double{x.row(row)[in]} * w.row(out)[in];
          const double value = activate(sum, options.activation);
          float& target = part.y.row(row)[out];
          target = static_cast<float>(options.residual_scale == 0 ? value
                                                                  : target + options.residual_scale * value);
        }
      }
    }
  }

  void layer_norm(Matrix<const float> x, const float* weight, const float* bias, Activation activation,
                  Matrix<float> y) const override {
    for (std::int64_t row = 0; row < x.rows; ++row) {
      double mean = 0;
      for (std::int64_t col = 0; col < x.cols; ++col) mean += x.row(row)[col];
      mean /= static_cast<double>(x.cols);
      double variance = 0;
      for (std::int64_t col = 0; col < x.cols; ++col) {
        variance += (x.row(row)[col] - mean) * (x.row(row)[col] - mean);
      }
      variance /= static_cast<double>(x.cols);
      const double scale = 1.0 / std::sqrt(variance + kLayerNormEpsilon);
      for (std::int64_t col = 0; col < x.cols; ++col) {
        const double value = (x.row(row)[col] - mean) * scale * weight[col] + bias[col];
        y.row(row)[col] = static_cast<float>(activate(value, activation));
      }
    }
  }

  void glu_depthwise_conv(std::span<const ConvStream> streams, Matrix<const float> taps,
                          const float* bias) const override {
    const std::int64_t past = taps.rows - 1;
    for (const ConvStream& stream : streams) {
      const std::int64_t frames = stream.output.rows;
      for (std::int64_t col = 0; col < taps.cols; ++col) {
        std::vector<float> gated;
        for (std::int64_t row = 0; row < past; ++row) {
          gated.push_back(stream.tail.row((stream.oldest + row) % past)[col]);
        }
        for (std::int64_t frame = 0; frame < frames; ++frame) {
          const float* input = stream.input.row(frame);
          gated.push_back(static_cast<float>(input[col] * sigmoid(input[taps.cols + col])));
        }
        for (std::int64_t frame = 0; frame < frames; ++frame) {
          double sum = bias != nullptr ? bias[col] : 0.0;
          for (std::int64_t tap = 0; tap < taps.rows; ++tap) {
            sum += double{gated[static_cast<std::size_t>(frame + tap)]} * taps.row(tap)[col];
          }
          stream.output.row(frame)[col] = static_cast<float>(sum);
        }
        const std::int64_t kept = std::min(past, frames);
        for (std::int64_t index = 0; index < kept; ++index) {
          stream.tail.row((stream.oldest + index) % past)[col] =
              gated[gated.size() - static_cast<std::size_t>(kept - index)];
        }
      }
    }
  }

  void strided_conv(Matrix<const float> input, std::int64_t first_input, std::int64_t total_frames,
                    std::int64_t bins, const StridedConv& conv, std::int64_t first_output,
                    Matrix<float> output) const override {
    const std::int64_t input_channels = conv.depthwise ? conv.channels : 1;
    const std::int64_t out_bins = bins / 2 + 1;
    for (std::int64_t row = 0; row < output.rows; ++row) {
      for (std::int64_t out_bin = 0; out_bin < out_bins; ++out_bin) {
        for (std::int64_t channel = 0; channel < conv.channels; ++channel) {
          double sum = conv.bias[channel];
          for (std::int64_t tap = 0; tap < 9; ++tap) {
            const std::int64_t frame = 2 * (first_output + row) - 2 + tap / 3;
            const std::int64_t bin = 2 * out_bin - 2 + tap % 3;
            if (frame < 0 || frame >= total_frames || bin < 0 || bin >= bins) continue;
            const float* position = input.row(frame - first_input) + bin * input_channels;
            sum += double{position[conv.depthwise ? channel : 0]} * conv.taps[tap * conv.channels + channel];
          }
          output.row(row)[out_bin * conv.channels + channel] =
              static_cast<float>(activate(sum, conv.activation));
        }
      }
    }
  }

  void attention(std::span<const AttentionStream> streams, int heads, const float* bias_u,
                 const float* bias_v) const override {
    for (const AttentionStream& stream : streams) {
      for (int head = 0; head < heads; ++head) {
        store(stream.new_keys, stream.cached, head, stream.keys);
        store(stream.new_values, stream.cached, head, stream.values);
        attend(stream, head, heads, bias_u, bias_v);
      }
    }
  }

  void lstm_cell(Matrix<const float> gates, Matrix<float> cell, Matrix<float> hidden) const override {
    const std::int64_t size = cell.cols;
    for (std::int64_t row = 0; row < cell.rows; ++row) {
      const float* gate = gates.row(row);
      for (std::int64_t col = 0; col < size; ++col) {
        const double kept = sigmoid(gate[size + col]) * cell.row(row)[col];
        const double next = kept + sigmoid(gate[col]) * std::tanh(double{gate[2 * size + col]});
        cell.row(row)[col] = static_cast<float>(next);
        hidden.row(row)[col] = static_cast<float>(sigmoid(gate[3 * size + col]) * std::tanh(next));
      }
    }
  }

  void add_relu(Matrix<const float> a, Matrix<const float> b, Matrix<float> y) const override {
    for (std::int64_t row = 0; row < y.rows; ++row) {
      for (std::int64_t col = 0; col < y.cols; ++col) {
        y.row(row)[col] = std::max(a.row(row)[col] + b.row(row)[col], 0.0f);
      }
    }
  }

  void argmax(Matrix<const float> x, std::span<int> columns) const override {
    for (std::int64_t row = 0; row < x.rows; ++row) {
      const float* begin = x.row(row);
      columns[static_cast<std::size_t>(row)] =
          static_cast<int>(std::max_element(begin, begin + x.cols) - begin);
    }
  }

  LabelScore label_score(std::span<const float> logits, int label) const override {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - largest);
    const double log_sum = largest + std::log(sum);
    double powers = 0;
    for (const float logit : logits) powers += std::exp(kTsallisAlpha * (logit - log_sum));
    return {static_cast<float>(logits[static_cast<std::size_t>(label)] - log_sum),
            tsallis_confidence(powers, static_cast<std::int64_t>(logits.size()))};
  }

  void count_worker_time(bool) const override {}
  double worker_seconds() const override { return 0; }

 private:
  // One head of the step's rows into the ring.
  static void store(Matrix<const float> rows, std::int64_t first, int head, const RowRing& ring) {
    const std::int64_t size = ring.layout.head_size;
    for (std::int64_t index = 0; index < rows.rows; ++index) {
      const float* row = rows.row(index) + head * size;
      std::byte* target = ring.head(first + index, head);
      float largest = 0;
      for (std::int64_t col = 0; col < size; ++col) largest = std::max(largest, std::abs(row[col]));
      const float scale = largest / 127.0f;
      for (std::int64_t col = 0; col < size; ++col) {
        if (ring.layout.format == CacheFormat::kInt8) {
          reinterpret_cast<std::int8_t*>(target)[col] =
              static_cast<std::int8_t>(scale > 0 ? std::nearbyint(row[col] / scale) : 0);
          *ring.scale(first + index, head) = scale;
        } else if (ring.layout.format == CacheFormat::kBF16) {
          reinterpret_cast<std::uint16_t*>(target)[col] = float_to_bf16(row[col]);
        } else {
          reinterpret_cast<float*>(target)[col] = row[col];
        }
      }
    }
  }

  static std::vector<float> load(const RowRing& ring, std::int64_t index, int head) {
    std::vector<float> row;
    const std::byte* source = ring.head(index, head);
    for (std::int64_t col = 0; col < ring.layout.head_size; ++col) {
      if (ring.layout.format == CacheFormat::kInt8) {
        row.push_back(static_cast<float>(reinterpret_cast<const std::int8_t*>(source)[col]) *
                      *ring.scale(index, head));
      } else if (ring.layout.format == CacheFormat::kBF16) {
        row.push_back(bf16_to_float(reinterpret_cast<const std::uint16_t*>(source)[col]));
      } else {
        row.push_back(reinterpret_cast<const float*>(source)[col]);
      }
    }
    return row;
  }

  static void attend(const AttentionStream& stream, int head, int heads, const float* bias_u,
                     const float* bias_v) {
    const std::int64_t size = stream.queries.cols / heads;
    const std::int64_t first_col = head * size;
    const std::int64_t chunk = stream.context.chunk_frames();
    for (std::int64_t frame = 0; frame < stream.queries.rows; ++frame) {
      const std::int64_t chunk_begin = stream.cached + frame / chunk * chunk;
      const std::int64_t first_key = std::max<std::int64_t>(0, chunk_begin - stream.context.left);
      const std::int64_t last_key = std::min(stream.keys.rows, chunk_begin + chunk);
      const float* query = stream.queries.row(frame) + first_col;
      std::vector<double> weights;
      for (std::int64_t key = first_key; key < last_key; ++key) {
        const std::int64_t offset = stream.cached + frame - key;
        const std::vector<float> key_row = load(stream.keys, key, head);
        const float* position = stream.positions.row(head) + (stream.max_offset - offset) * size;
        double score = 0;
        for (std::int64_t col = 0; col < size; ++col) {
          score += (double{query[col]} + bias_u[first_col + col]) * key_row[static_cast<std::size_t>(col)] +
                   (double{query[col]} + bias_v[first_col + col]) * position[col];
        }
        weights.push_back(score / std::sqrt(static_cast<double>(size)));
      }
      const double largest = *std::max_element(weights.begin(), weights.end());
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      std::vector<double> mixed(static_cast<std::size_t>(size), 0.0);
      for (std::size_t index = 0; index < weights.size(); ++index) {
        const std::vector<float> value =
            load(stream.values, first_key + static_cast<std::int64_t>(index), head);
        for (std::size_t col = 0; col < mixed.size(); ++col) mixed[col] += weights[index] / sum * value[col];
      }
      std::copy(mixed.begin(), mixed.end(), stream.output.row(frame) + first_col);
    }
  }
};

}  // namespace

std::shared_ptr<const Backend> make_reference_backend() { return std::make_shared<const ReferenceBackend>(); }

}  // namespace glossa::backend
