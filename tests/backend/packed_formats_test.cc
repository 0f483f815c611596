// Oracles: an unpacker written from the layouts that packing.h describes, and sums in double precision over
// what it unpacks. Every instruction set that runs here is tried by force.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "backend/backend.h"
#include "backend/instruction_sets.h"
#include "base/half.h"
#include "base/number_formats.h"

namespace glossa::backend {
namespace {

class PackedFormats : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ::setenv("GLOSSA_ISA", GetParam().c_str(), 1);
    cpu_ = make_backend("cpu", 2);
    ::unsetenv("GLOSSA_ISA");
  }
  Buffer random(std::int64_t rows, std::int64_t cols, float scale = 1.0f) {
    std::normal_distribution<float> normal(0, scale);
    Buffer buffer(rows, cols);
    for (std::int64_t index = 0; index < rows * cols; ++index) buffer.view().data[index] = normal(random_);
    return buffer;
  }
  int size(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  std::mt19937 random_{5};
  std::shared_ptr<const Backend> cpu_;
};

// [outputs, inputs] of the packed weight.
std::vector<double> unpack(const PackedWeight& weight) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(weight.bytes().data());
  const std::int64_t blocks = (weight.cols() + 31) / 32;
  std::vector<double> values;
  for (std::int64_t output = 0; output < weight.rows(); ++output) {
    const std::int64_t panel = output / 32;
    const std::int64_t lane = output % 32;
    for (std::int64_t input = 0; input < weight.cols(); ++input) {
      double value = 0;
      if (weight.format() == WeightFormat::kBF16) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, bytes + ((panel * weight.cols() + input) * 32 + lane) * 2, 2);
        value = bf16_to_float(bits);
      } else if (weight.format() == WeightFormat::kInt8) {
        const std::uint8_t* start = bytes + panel * (blocks * 1024 + 128);
        float scale = 0;
        std::memcpy(&scale, start + blocks * 1024 + lane * 4, 4);
        value = double{scale} * (start[(input / 4 * 32 + lane) * 4 + input % 4] - 128);
      } else {
        const std::uint8_t* start = bytes + panel * (blocks * 544 + 128);
        float scale = 0;
        std::memcpy(&scale, start + blocks * 544 + lane * 4, 4);
        const std::uint8_t* block = start + input / 32 * 544;
        const std::int64_t within = input % 32;
        const auto nibble = [within](std::uint8_t pair) { return within < 16 ? pair & 15 : pair >> 4; };
        const int q = nibble(block[(within % 16 / 4 * 32 + lane) * 4 + within % 4]) - 8;
        value = (within < 16 ? 1 : -1) * double{scale} * nibble(block[512 + lane]) * q;
      }
      values.push_back(value);
    }
  }
  return values;
}

// A row in steps of max|x| / 127.
std::vector<double> in_8_bits(const float* x, std::int64_t n) {
  float largest = 0;
  for (std::int64_t index = 0; index < n; ++index) largest = std::max(largest, std::abs(x[index]));
  std::vector<double> values;
  for (std::int64_t index = 0; index < n; ++index) {
    const float steps = largest > 0 ? std::nearbyint(x[index] * (127.0f / largest)) : 0.0f;
    values.push_back(double{largest / 127.0f} * steps);
  }
  return values;
}

TEST_P(PackedFormats, LinearIsTheSumOverTheUnpackedWeights) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t rows = size(1, 30);
    const std::int64_t inputs = size(1, round < 30 ? 70 : 700);
    const std::int64_t outputs = size(1, 100);
    Buffer x = random(rows, inputs);
    if (round % 10 == 0) std::fill_n(x.view().row(rows / 2), inputs, 0.0f);
    Buffer w = random(outputs, inputs, 0.1f);
    if (round % 10 == 1) std::fill_n(w.view().row(outputs / 2), inputs, 0.0f);
    Buffer bias = random(1, outputs);
    for (const WeightFormat format : {WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4}) {
      const auto weight = cpu_->pack(w.view(), format);
      ASSERT_EQ(weight->format(), format);
      const std::vector<double> unpacked = unpack(*weight);
      const LinearOptions options{round % 2 == 0 ? bias.view().data : nullptr, Activation::kRelu,
                                  round % 3 == 0 ? 0.5f : 0.0f};
      Buffer y = random(rows, outputs);
      const Buffer before = y;
      cpu_->linear(x.view(), *weight, options, y.view());
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* values = x.view().row(row);
        const std::vector<double> input = format == WeightFormat::kBF16
                                              ? std::vector<double>(values, values + inputs)
                                              : in_8_bits(values, inputs);
        for (std::int64_t output = 0; output < outputs; ++output) {
          double sum = options.bias != nullptr ? options.bias[output] : 0.0;
          double magnitude = std::abs(sum);
          for (std::int64_t index = 0; index < inputs; ++index) {
            const double term = input[static_cast<std::size_t>(index)] *
                                unpacked[static_cast<std::size_t>(output * inputs + index)];
            sum += term;
            magnitude += std::abs(term);
          }
          sum = std::max(sum, 0.0);
          if (options.residual_scale != 0)
            sum = before.view().row(row)[output] + options.residual_scale * sum;
          ASSERT_NEAR(y.view().row(row)[output], sum, 3e-6 * (1 + magnitude))
              << name_of(format) << " [" << row << "," << output << "] of " << rows << " x " << inputs
              << " x " << outputs;
        }
      }
    }
  }
}

TEST_P(PackedFormats, SeveralLayersOfOneInputEqualThemOneByOne) {
  Buffer x = random(5, 96);
  std::vector<Buffer> weights;
  std::vector<std::unique_ptr<const PackedWeight>> packed;
  std::vector<Buffer> together;
  for (const WeightFormat format :
       {WeightFormat::kInt4, WeightFormat::kF32, WeightFormat::kInt8, WeightFormat::kBF16}) {
    weights.push_back(random(size(20, 150), 96));
    packed.push_back(cpu_->pack(weights.back().view(), format));
    together.emplace_back(5, weights.back().view().rows);
  }
  std::vector<LinearPart> parts;
  for (std::size_t index = 0; index < packed.size(); ++index) {
    parts.push_back({packed[index].get(), {.activation = Activation::kSwish}, together[index].view()});
  }
  cpu_->linear(x.view(), parts);
  for (std::size_t index = 0; index < packed.size(); ++index) {
    Buffer alone(5, packed[index]->rows());
    cpu_->linear(x.view(), *packed[index], {.activation = Activation::kSwish}, alone.view());
    const Matrix<float> expected = alone.view();
    for (std::int64_t element = 0; element < expected.rows * expected.cols; ++element) {
      ASSERT_EQ(together[index].view().data[element], expected.data[element]);
    }
  }
}

// The largest inputs and weights at once.
TEST_P(PackedFormats, ExtremesNeitherSaturateNorOverflow) {
  const std::int64_t inputs = 4096;
  for (const float sign : {1.0f, -1.0f}) {
    Buffer x(1, inputs);
    Buffer w(33, inputs);
    std::fill_n(x.view().data, inputs, 1.0f);
    std::fill_n(w.view().data, 33 * inputs, sign);
    for (const WeightFormat format : {WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4}) {
      Buffer y(1, 33);
      cpu_->linear(x.view(), *cpu_->pack(w.view(), format), {}, y.view());
      for (int output = 0; output < 33; ++output) {
        // int4 comes to 1 by 7 steps of one factor, or by 8 of another where halves are negated.
        ASSERT_NEAR(y.view().data[output], sign * static_cast<float>(inputs),
                    2e-3 * static_cast<double>(inputs))
            << name_of(format);
      }
    }
  }
}

TEST_P(PackedFormats, PackedBytesAreAdoptedWhenTheirSizeFits) {
  Buffer w = random(70, 100);
  Buffer x = random(3, 100);
  for (const WeightFormat format : {WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4}) {
    const auto weight = cpu_->pack(w.view(), format);
    const auto adopted = cpu_->adopt(weight->bytes(), 70, 100, format);
    ASSERT_NE(adopted, nullptr);
    Buffer expected(3, 70);
    Buffer actual(3, 70);
    cpu_->linear(x.view(), *weight, {}, expected.view());
    cpu_->linear(x.view(), *adopted, {}, actual.view());
    EXPECT_TRUE(std::equal(actual.view().data, actual.view().data + 210, expected.view().data));
    EXPECT_EQ(cpu_->adopt(weight->bytes(), 70, 200, format), nullptr);
    EXPECT_EQ(cpu_->adopt(weight->bytes().subspan(64), 70, 100, format), nullptr);
  }
  EXPECT_EQ(cpu_->adopt({}, 0, 0, WeightFormat::kF32), nullptr);
}

TEST_P(PackedFormats, NotANumberStaysInItsRow) {
  Buffer x = random(3, 64);
  x.view().row(1)[7] = std::nanf("");
  Buffer w = random(40, 64);
  for (const WeightFormat format : {WeightFormat::kBF16, WeightFormat::kInt8, WeightFormat::kInt4}) {
    Buffer y(3, 40);
    cpu_->linear(x.view(), *cpu_->pack(w.view(), format), {}, y.view());
    for (const std::int64_t row : {0, 2}) {
      for (int output = 0; output < 40; ++output) EXPECT_TRUE(std::isfinite(y.view().row(row)[output]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, PackedFormats, ::testing::ValuesIn(testing::instruction_sets()),
                         [](const auto& test) { return test.param; });

TEST(Packing, Int8IsTheNearestOf255Steps) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Buffer w(40, 90);
  for (int index = 0; index < 40 * 90; ++index) w.view().data[index] = normal(random);
  const auto weight = make_backend("cpu", 1)->pack(w.view(), WeightFormat::kInt8);
  const std::vector<double> unpacked = unpack(*weight);
  for (std::int64_t row = 0; row < 40; ++row) {
    const std::vector<double> expected = in_8_bits(w.view().row(row), 90);
    for (std::int64_t col = 0; col < 90; ++col) {
      EXPECT_NEAR(unpacked[static_cast<std::size_t>(row * 90 + col)], expected[static_cast<std::size_t>(col)],
                  1e-6);
    }
  }
}

// Rounding with the scale that maps the largest value of a block to 7.
double plain_error(const float* block, const float* importance) {
  float largest = 0;
  for (int index = 0; index < 32; ++index) largest = std::max(largest, std::abs(block[index]));
  const double scale = double{largest} / 7;
  double error = 0;
  for (int index = 0; index < 32; ++index) {
    const double off = block[index] - scale * std::nearbyint(block[index] / scale);
    error += importance[index] * off * off;
  }
  return error;
}

// However large or small an output's weights are, and whatever stands out among them.
TEST(Packing, Int4KeepsItsPrecisionAtEveryMagnitude) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  constexpr std::int64_t kInputs = 96;
  constexpr std::size_t kCount = 40 * kInputs;
  std::vector<float> drawn(kCount);
  for (float& value : drawn) value = normal(random);
  const auto error = [&](float magnitude) {
    Buffer w(40, kInputs);
    for (std::size_t index = 0; index < kCount; ++index) w.view().data[index] = magnitude * drawn[index];
    const std::vector<double> unpacked = unpack(*make_backend("cpu", 1)->pack(w.view(), WeightFormat::kInt4));
    double off = 0;
    double all = 0;
    for (std::size_t index = 0; index < kCount; ++index) {
      const double value = w.view().data[index] / double{magnitude};
      off += std::pow(unpacked[index] / magnitude - value, 2);
      all += value * value;
    }
    return std::sqrt(off / all);
  };
  const double usual = error(1.0f);
  EXPECT_LT(usual, 0.09);
  for (const float magnitude : {1e-28f, 1e-22f, 1e-6f, 1e6f, 1e25f, 1e37f})
    EXPECT_NEAR(error(magnitude), usual, 0.002) << magnitude;
  drawn[5] = 30.0f;  // of the first output alone
  EXPECT_LT(error(1.0f), usual + 0.03);
}

TEST(Packing, TheInt4SearchBeatsPlainRoundingAndMindsImportance) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  Buffer w(64, 64);
  for (int index = 0; index < 64 * 64; ++index) w.view().data[index] = normal(random);
  std::vector<float> even(64, 1.0f);
  std::vector<float> uneven(64);
  for (std::size_t index = 0; index < 64; ++index) uneven[index] = index % 4 == 0 ? 8.0f : 0.1f;
  const auto backend = make_backend("cpu", 1);
  const auto error = [&](const float* given, const std::vector<float>& counted) {
    const std::vector<double> unpacked = unpack(*backend->pack(w.view(), WeightFormat::kInt4, given));
    double sum = 0;
    for (std::size_t index = 0; index < unpacked.size(); ++index) {
      const double off = w.view().data[index] - unpacked[index];
      sum += counted[index % 64] * off * off;
    }
    return sum;
  };
  double plain = 0;
  for (int block = 0; block < 128; ++block) plain += plain_error(w.view().data + block * 32, even.data());
  EXPECT_LT(error(nullptr, even), 0.85 * plain);
  EXPECT_LT(error(uneven.data(), uneven), 0.9 * error(nullptr, uneven));
}

}  // namespace
}  // namespace glossa::backend
