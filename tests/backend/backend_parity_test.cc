// Oracle: the reference backend's naive loops. Shapes are drawn so that vector tails of every length occur;
// every instruction set that runs here is tried by force.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "backend/backend.h"
#include "backend/instruction_sets.h"

namespace glossa::backend {
namespace {

class BackendParity : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ::setenv("GLOSSA_ISA", GetParam().c_str(), 1);
    cpu_ = make_backend("cpu", 2);
    ::unsetenv("GLOSSA_ISA");
    reference_ = make_backend("reference", 1);
    ASSERT_EQ(cpu_->name(), "cpu (" + GetParam() + ")") << "the forced table must be the one that runs";
  }

  Buffer random(std::int64_t rows, std::int64_t cols, float scale = 1.0f) {
    std::normal_distribution<float> normal(0, scale);
    Buffer buffer(rows, cols);
    for (std::int64_t index = 0; index < rows * cols; ++index) buffer.view().data[index] = normal(random_);
    return buffer;
  }
  int size(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  // f32 sums of `terms` products of normal numbers, against double precision.
  static double sum_tolerance(std::int64_t terms) {
    return 4e-6 * std::sqrt(static_cast<double>(terms)) + 1e-6;
  }

  static void expect_equal(const Buffer& actual, const Buffer& expected, double absolute,
                           const std::string& what) {
    const auto a = actual.view();
    const auto e = expected.view();
    ASSERT_EQ(a.rows, e.rows);
    ASSERT_EQ(a.cols, e.cols);
    for (std::int64_t row = 0; row < a.rows; ++row) {
      for (std::int64_t col = 0; col < a.cols; ++col) {
        ASSERT_NEAR(a.row(row)[col], e.row(row)[col], absolute * (1 + std::abs(e.row(row)[col])))
            << what << " [" << row << "," << col << "] of [" << a.rows << "," << a.cols << "]";
      }
    }
  }

  std::mt19937 random_{11};
  std::shared_ptr<const Backend> cpu_;
  std::shared_ptr<const Backend> reference_;
};

TEST_P(BackendParity, Linear) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t rows = size(1, 30);
    const std::int64_t inputs = size(1, round < 30 ? 40 : 700);
    const std::int64_t outputs = size(1, 70);
    Buffer x = random(rows, inputs);
    Buffer w = random(outputs, inputs);
    Buffer bias = random(1, outputs);
    for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kSwish}) {
      for (const float residual : {0.0f, 0.5f}) {
        const LinearOptions options{round % 2 == 0 ? bias.view().data : nullptr, activation, residual};
        Buffer expected = random(rows, outputs);
        Buffer actual = expected;
        reference_->linear(x.view(), *reference_->pack(w.view(), WeightFormat::kF32), options,
                           expected.view());
        cpu_->linear(x.view(), *cpu_->pack(w.view(), WeightFormat::kF32), options, actual.view());
        expect_equal(actual, expected, sum_tolerance(inputs), "linear");
      }
    }
  }
}

TEST_P(BackendParity, ARowDoesNotDependOnItsNeighbours) {
  const std::int64_t inputs = 333;
  const std::int64_t outputs = 257;
  Buffer x = random(200, inputs);
  Buffer w = random(outputs, inputs);
  for (const WeightFormat format :
       {WeightFormat::kF32, WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4}) {
    const auto weight = cpu_->pack(w.view(), format);
    ASSERT_EQ(weight->format(), format);
    Buffer together(200, outputs);
    cpu_->linear(x.view(), *weight, {}, together.view());
    for (const std::int64_t rows : {1, 2, 3, 5, 6, 7, 9, 13}) {
      for (std::int64_t first = 0; first + rows <= 40; first += rows) {
        Buffer alone(rows, outputs);
        cpu_->linear(Matrix<const float>(x.view()).rows_from(first, rows), *weight, {}, alone.view());
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t col = 0; col < outputs; ++col) {
            ASSERT_EQ(alone.view().row(row)[col], together.view().row(first + row)[col]) << "bit for bit";
          }
        }
      }
    }
  }
}

TEST_P(BackendParity, RowOperations) {
  for (int round = 0; round < 40; ++round) {
    const std::int64_t rows = size(1, 9);
    const std::int64_t cols = size(1, 80);
    Buffer x = random(rows, cols, 3.0f);
    Buffer weight = random(1, cols);
    Buffer bias = random(1, cols);
    Buffer actual(rows, cols);
    Buffer expected(rows, cols);
    for (const Activation activation : {Activation::kNone, Activation::kSwish}) {
      cpu_->layer_norm(x.view(), weight.view().data, bias.view().data, activation, actual.view());
      reference_->layer_norm(x.view(), weight.view().data, bias.view().data, activation, expected.view());
      expect_equal(actual, expected, 2e-5, "layer_norm");
    }
    Buffer wide = random(rows, 2 * cols, 4.0f);
    cpu_->add_relu(x.view(), wide.view(), actual.view());
    reference_->add_relu(x.view(), wide.view(), expected.view());
    expect_equal(actual, expected, 0, "add_relu");

    Buffer gates = random(rows, 4 * cols, 5.0f);
    Buffer cell = random(rows, cols);
    Buffer expected_cell = cell;
    cpu_->lstm_cell(gates.view(), cell.view(), actual.view());
    reference_->lstm_cell(gates.view(), expected_cell.view(), expected.view());
    expect_equal(actual, expected, 2e-6, "lstm hidden");
    expect_equal(cell, expected_cell, 2e-6, "lstm cell");
  }
}

TEST_P(BackendParity, GatedConvolutionAndItsTail) {
  for (int round = 0; round < 40; ++round) {
    const std::int64_t cols = size(1, round % 4 == 0 ? 600 : 80);
    const std::int64_t kernel = size(1, 11);
    Buffer taps = random(kernel, cols);
    Buffer bias = random(1, cols);
    std::vector<Buffer> buffers;
    buffers.reserve(20);
    std::vector<ConvStream> streams;
    std::vector<ConvStream> expected_streams;
    for (int index = 0; index < 3; ++index) {
      const std::int64_t frames = size(1, 14);
      ConvStream stream;
      stream.input = buffers.emplace_back(random(frames, 2 * cols, 2.0f)).view();
      stream.oldest = kernel > 1 ? size(0, static_cast<int>(kernel) - 2) : 0;
      Buffer tail = random(kernel - 1, cols);
      stream.tail = buffers.emplace_back(tail).view();
      stream.output = buffers.emplace_back(frames, cols).view();
      streams.push_back(stream);
      stream.tail = buffers.emplace_back(tail).view();
      stream.output = buffers.emplace_back(frames, cols).view();
      expected_streams.push_back(stream);
    }
    const float* offsets = round % 2 == 0 ? bias.view().data : nullptr;
    cpu_->glu_depthwise_conv(streams, taps.view(), offsets);
    reference_->glu_depthwise_conv(expected_streams, taps.view(), offsets);
    for (std::size_t index = 0; index < streams.size(); ++index) {
      for (const auto member : {&ConvStream::output, &ConvStream::tail}) {
        const Matrix<float> actual = streams[index].*member;
        const Matrix<float> expected = expected_streams[index].*member;
        for (std::int64_t element = 0; element < actual.rows * actual.cols; ++element) {
          ASSERT_NEAR(actual.data[element], expected.data[element],
                      1e-5 * (1 + std::abs(expected.data[element])));
        }
      }
    }
  }
}

TEST_P(BackendParity, SaturatedActivationsStayFinite) {
  Buffer gates(1, 4 * 19);
  Buffer cell(1, 19);
  Buffer hidden(1, 19);
  for (const float value : {1e30f, -1e30f, 100.0f, -100.0f, 0.0f}) {
    std::fill_n(gates.view().data, 4 * 19, value);
    std::fill_n(cell.view().data, 19, 0.5f);
    cpu_->lstm_cell(gates.view(), cell.view(), hidden.view());
    for (int col = 0; col < 19; ++col) {
      ASSERT_TRUE(std::isfinite(cell.view().data[col])) << value;
      ASSERT_LE(std::abs(hidden.view().data[col]), 1.0f) << value;
    }
  }
}

TEST_P(BackendParity, StridedConvolution) {
  for (int round = 0; round < 30; ++round) {
    const std::int64_t bins = size(1, 20);
    const std::int64_t channels = size(1, 40);
    const bool depthwise = round % 2 == 1;
    const std::int64_t total =
        size(1, 12);  // frames 0 .. total - 1, of which those from first_input on are there
    const std::int64_t first_output = size(0, static_cast<int>(total / 2));
    const std::int64_t first_input = std::max<std::int64_t>(0, 2 * first_output - 2);
    const std::int64_t rows = total / 2 + 1 - first_output;
    Buffer input = random(total - first_input, bins * (depthwise ? channels : 1));
    Buffer taps = random(9, channels);
    Buffer bias = random(1, channels);
    const StridedConv conv{taps.view().data, bias.view().data, channels, depthwise,
                           depthwise ? Activation::kNone : Activation::kRelu};
    Buffer actual(rows, (bins / 2 + 1) * channels);
    Buffer expected(rows, (bins / 2 + 1) * channels);
    cpu_->strided_conv(input.view(), first_input, total, bins, conv, first_output, actual.view());
    reference_->strided_conv(input.view(), first_input, total, bins, conv, first_output, expected.view());
    expect_equal(actual, expected, 1e-5, "strided_conv");
  }
}

// Both backends keep the same rows: f32 and bf16 exactly, int8 but for values that lie between two steps.
TEST_P(BackendParity, Attention) {
  for (int round = 0; round < 45; ++round) {
    const CacheFormat format = std::array{CacheFormat::kF32, CacheFormat::kBF16,
                                          CacheFormat::kInt8}[static_cast<std::size_t>(round % 3)];
    const int heads = size(1, 4);
    const std::int64_t head_size = size(1, 50);
    const std::int64_t d_model = heads * head_size;
    const int chunk = size(1, 6);
    const RowLayout layout{format, heads, head_size};
    std::vector<Buffer> buffers;
    buffers.reserve(60);
    std::vector<std::vector<std::byte>> rings;
    rings.reserve(20);
    Buffer u = random(1, d_model);
    Buffer v = random(1, d_model);
    std::vector<AttentionStream> streams;
    std::vector<AttentionStream> expected_streams;
    for (int index = 0; index < 3; ++index) {
      const AttContext context{chunk * size(0, 4), chunk - 1};
      const std::int64_t frames = size(1, 15);
      const std::int64_t cached = std::min<std::int64_t>(context.left, size(0, 20));
      const std::int64_t capacity = cached + frames + size(0, 3);
      const std::int64_t max_offset = context.left + context.right + size(0, 3);
      AttentionStream stream;
      stream.queries = buffers.emplace_back(random(frames, d_model)).view();
      stream.cached = cached;
      stream.context = context;
      stream.positions = buffers.emplace_back(random(heads, (max_offset + chunk) * head_size)).view();
      stream.max_offset = max_offset;
      // The past comes in by a step of its own, whose attention is thrown away.
      AttentionStream past = stream;
      past.cached = 0;
      past.context = {0, static_cast<int>(std::max<std::int64_t>(cached, 1)) - 1};
      past.max_offset = cached;
      past.positions = buffers.emplace_back(random(heads, (2 * cached + 1) * head_size)).view();
      past.queries = past.new_keys = past.new_values = buffers.emplace_back(random(cached, d_model)).view();
      past.output = buffers.emplace_back(cached, d_model).view();
      const std::int64_t first = size(0, static_cast<int>(capacity) - 1);
      stream.new_keys = buffers.emplace_back(random(frames, d_model)).view();
      stream.new_values = buffers.emplace_back(random(frames, d_model)).view();
      for (const Backend* backend : {cpu_.get(), reference_.get()}) {
        for (RowRing* ring : {&stream.keys, &stream.values}) {
          rings.emplace_back(static_cast<std::size_t>(layout.bytes(capacity)));
          *ring = {layout, rings.back().data(), capacity, first, cached};
        }
        past.keys = stream.keys;
        past.values = stream.values;
        if (cached > 0) backend->attention({&past, 1}, heads, u.view().data, v.view().data);
        stream.keys.rows = stream.values.rows = cached + frames;
        stream.output = buffers.emplace_back(frames, d_model).view();
        (backend == cpu_.get() ? streams : expected_streams).push_back(stream);
      }
    }
    cpu_->attention(streams, heads, u.view().data, v.view().data);
    reference_->attention(expected_streams, heads, u.view().data, v.view().data);
    const double tolerance = format == CacheFormat::kInt8 ? 2e-2 : 2e-5;
    for (std::size_t index = 0; index < streams.size(); ++index) {
      const Matrix<float> actual = streams[index].output;
      const Matrix<float> expected = expected_streams[index].output;
      for (std::int64_t element = 0; element < actual.rows * actual.cols; ++element) {
        ASSERT_NEAR(actual.data[element], expected.data[element],
                    tolerance * (1 + std::abs(expected.data[element])));
      }
    }
  }
}

TEST_P(BackendParity, ArgmaxAndScores) {
  for (int round = 0; round < 40; ++round) {
    const std::int64_t rows = size(1, 5);
    const std::int64_t cols = size(1, 300);
    Buffer x = random(rows, cols, 4.0f);
    if (cols > 4) x.view().row(0)[cols / 2] = x.view().row(0)[cols - 1] = 100.0f;  // equal: the first counts
    std::vector<int> actual(static_cast<std::size_t>(rows));
    std::vector<int> expected(static_cast<std::size_t>(rows));
    cpu_->argmax(x.view(), actual);
    reference_->argmax(x.view(), expected);
    ASSERT_EQ(actual, expected);
    const std::span<const float> logits(x.view().data, static_cast<std::size_t>(cols));
    const int label = size(0, static_cast<int>(cols) - 1);
    const LabelScore score = cpu_->label_score(logits, label);
    const LabelScore expected_score = reference_->label_score(logits, label);
    ASSERT_NEAR(score.log_prob, expected_score.log_prob, 1e-4);
    ASSERT_NEAR(score.confidence, expected_score.confidence, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, BackendParity, ::testing::ValuesIn(testing::instruction_sets()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace glossa::backend
