#include "checkpoint/block_formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "base/half.h"
#include "checkpoint/encode.h"
#include "checkpoint/output_of.h"
#include "glossa/error.hpp"
#include "support/files.h"

namespace glossa::checkpoint {
namespace {

std::vector<float> values_of(DType dtype, const std::vector<std::uint8_t>& block) {
  std::vector<float> values(static_cast<std::size_t>(block_size(dtype)) * block.size() / dtype_size(dtype));
  dequantize(dtype, std::as_bytes(std::span(block)), values.data());
  return values;
}

std::string script_output(const std::string& arguments) {
  return testing::output_of(GLOSSA_PYTHON " " GLOSSA_READ_GGUF " " + arguments);
}

std::string hex_of(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes)
    text += "0123456789abcdef"[byte >> 4], text += "0123456789abcdef"[byte & 15];
  return text;
}

// f16 of 1 is 0x3c00, of 0.5 0x3800, of 2 0x4000. Values worked out by hand from the layouts in the header.
TEST(BlockFormats, ByHand) {
  std::vector<std::uint8_t> q8(34, 0);
  q8[1] = 0x38;
  q8[2] = 0x80;   // value 0: -128
  q8[33] = 0x7f;  // value 31: 127
  EXPECT_EQ(values_of(DType::kQ8_0, q8)[0], -64);
  EXPECT_EQ(values_of(DType::kQ8_0, q8)[31], 63.5f);

  std::vector<std::uint8_t> q4(18, 0x88);
  q4[0] = 0x00;
  q4[1] = 0x40;
  q4[2] = 0xf0;  // value 0: 0 - 8, value 16: 15 - 8
  EXPECT_EQ(values_of(DType::kQ4_0, q4)[0], -16);
  EXPECT_EQ(values_of(DType::kQ4_0, q4)[16], 14);
  EXPECT_EQ(values_of(DType::kQ4_0, q4)[1], 0);

  std::vector<std::uint8_t> k(144, 0);
  k[1] = 0x3c;         // scale 1
  k[3] = 0x38;         // minimum scale 0.5
  k[4] = 3;            // s_0 = 3
  k[8] = 2;            // m_0 = 2
  k[4 + 3] = 2 << 6;   // s_7 = 2 * 16 + ...
  k[4 + 7] = 1 << 6;   // m_7 = 1 * 16 + ...
  k[4 + 11] = 0x5f;    // s_7 += 15, m_7 += 5
  k[16] = 0x09;        // value 0: level 9
  k[16 + 127] = 0xe0;  // value 255: level 14
  EXPECT_EQ(values_of(DType::kQ4_K, k)[0], 9 * 3 - 2 * 0.5f);
  EXPECT_EQ(values_of(DType::kQ4_K, k)[255], 14 * 47 - 21 * 0.5f);

  std::vector<std::uint8_t> k5(176, 0);
  std::copy(k.begin(), k.begin() + 16, k5.begin());
  k5[16] = 0x01;       // fifth bit of value 0
  k5[16 + 31] = 0x80;  // of value 255
  k5[48] = 0x09;
  k5[48 + 127] = 0xe0;
  EXPECT_EQ(values_of(DType::kQ5_K, k5)[0], 25 * 3 - 2 * 0.5f);
  EXPECT_EQ(values_of(DType::kQ5_K, k5)[255], 30 * 47 - 21 * 0.5f);

  std::vector<std::uint8_t> k6(210, 0);
  k6[209] = 0x3c;
  k6[192 + 15] = 0xfe;  // the last scale: -2
  k6[127] = 0x70;       // value 255: low nibble 7
  k6[191] = 0x80;       // high bits 2
  EXPECT_EQ(values_of(DType::kQ6_K, k6)[255], -2.0f * (7 + 32 - 32));
  EXPECT_EQ(values_of(DType::kQ6_K, k6)[0], 0);
}

// Oracle: read_gguf.py, another program in another language. Every byte is random but those of the f16
// scales.
TEST(BlockFormats, RandomBlocksAsReadByTheScript) {
  std::mt19937 random(7);
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    SCOPED_TRACE(dtype_name(dtype));
    std::vector<std::uint8_t> blocks(3 * dtype_size(dtype));
    for (std::uint8_t& byte : blocks) byte = static_cast<std::uint8_t>(random());
    for (std::size_t block = 0; block < blocks.size(); block += dtype_size(dtype)) {
      const std::size_t high = block + (dtype == DType::kQ6_K ? 209 : 1);  // no infinities
      blocks[high] = static_cast<std::uint8_t>(blocks[high] & 0xb7);
      if (dtype == DType::kQ4_K || dtype == DType::kQ5_K) blocks[block + 3] &= 0xb7;
    }
    std::istringstream expected(
        script_output("--dequantize " + std::string(dtype_name(dtype)) + " " + hex_of(blocks)));
    for (const float value : values_of(dtype, blocks)) {
      std::string text;
      ASSERT_TRUE(expected >> text);
      ASSERT_EQ(value, std::strtof(text.c_str(), nullptr));
    }
  }
}

std::vector<float> normal_values(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.03f);
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

TensorView view_of(const std::vector<float>& values) {
  return {"w", DType::kF32, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
}

std::vector<float> there_and_back(const std::vector<float>& values, DType dtype) {
  const auto bytes = encode(view_of(values), dtype, "x");
  return TensorView{"w", dtype, {static_cast<std::int64_t>(values.size())}, bytes}.to_f32();
}

double relative_rms(const std::vector<float>& values, const std::vector<float>& rounded) {
  double errors = 0;
  double squares = 0;
  for (std::size_t index = 0; index < values.size(); ++index) {
    errors += std::pow(double{values[index]} - rounded[index], 2);
    squares += std::pow(double{values[index]}, 2);
  }
  return std::sqrt(errors / squares);
}

TEST(Quantize, Q8IsTheScriptsToTheBit) {
  const testing::TemporaryFolder folder;
  std::vector<float> values = normal_values(4096, 3);
  for (std::size_t index = 0; index < 64; ++index) values[index] = static_cast<float>(index % 32) - 7.5f;
  for (std::size_t index = 64; index < 96; ++index) values[index] = 0;
  for (std::size_t index = 96; index < 128; ++index)
    values[index] *= 1e-9f;  // below what an f16 scale can be
  std::ofstream(folder / "values", std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(4 * values.size()));
  std::vector<std::uint8_t> blocks(values.size() / 32 * 34);
  quantize_q8_0(values, reinterpret_cast<std::byte*>(blocks.data()));
  // Where the scale vanishes, the levels mean nothing: ours are 0.
  std::fill(blocks.begin() + 3 * 34 + 2, blocks.begin() + 4 * 34, std::uint8_t{0});
  std::string expected = script_output("--quantize-q8_0 " + (folder / "values").string());
  expected.replace(2 * (3 * 34 + 2), 64, 64, '0');
  EXPECT_EQ(hex_of(blocks) + "\n", expected);
  EXPECT_LT(relative_rms(values, there_and_back(values, DType::kQ8_0)), 0.006);
}

// A 4-bit grid over the whole range of each sub-block, its scale and minimum in full precision: what a
// quantiser without search would do if it need not round them to 6 bits.
double plain_grid_rms(const std::vector<float>& values) {
  std::vector<float> rounded(values.size());
  for (std::size_t begin = 0; begin < values.size(); begin += 32) {
    const auto [low, high] = std::minmax_element(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                                 values.begin() + static_cast<std::ptrdiff_t>(begin + 32));
    const float step = (*high - *low) / 15;
    for (std::size_t index = begin; index < begin + 32; ++index)
      rounded[index] = *low + step * std::round((values[index] - *low) / step);
  }
  return relative_rms(values, rounded);
}

TEST(Quantize, Q4KSearchBeatsThePlainGrid) {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    const std::vector<float> values = normal_values(256 * 256, seed);
    EXPECT_LT(relative_rms(values, there_and_back(values, DType::kQ4_K)), 0.97 * plain_grid_rms(values));
  }
}

TEST(Quantize, Q4KKeepsWhatItCanHold) {
  // Levels of a grid that 6-bit scales hold exactly: scale 2^-6 * 63 * level.
  std::vector<float> grid(256);
  for (std::size_t index = 0; index < 256; ++index)
    grid[index] = 0x1p-6f * 63 * static_cast<float>(index * 7 % 16);
  EXPECT_EQ(there_and_back(grid, DType::kQ4_K), grid);
  const std::vector<float> zeros(512, 0.0f);
  EXPECT_EQ(there_and_back(zeros, DType::kQ4_K), zeros);
  EXPECT_EQ(there_and_back(zeros, DType::kQ8_0), zeros);
  // f16 has 11 bits: a constant is off by 2^-11 of it; a 6-bit minimum of 63 is exact.
  const std::vector<float> negative(256, -0.3f);
  for (const float value : there_and_back(negative, DType::kQ4_K)) EXPECT_NEAR(value, -0.3f, 0.3 * 0x1p-11);
  const std::vector<float> positive(256, 0.3f);
  for (const float value : there_and_back(positive, DType::kQ4_K)) EXPECT_NEAR(value, 0.3f, 0.3 * 0x1p-10);
}

TEST(Quantize, ExtremesNeverBreak) {
  std::mt19937 random(5);
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_K}) {
    for (const float size : {1e-40f, 1e-30f, 1e-7f, 1.0f, 65504.0f}) {
      std::vector<float> values(256);
      for (float& value : values) value = size * static_cast<float>(static_cast<int>(random() % 3) - 1);
      for (const float value : there_and_back(values, dtype)) {
        EXPECT_TRUE(std::isfinite(value));
        EXPECT_LE(std::abs(value), 1.2f * size + 1e-4f);
      }
    }
    for (const float wrong : {70000.0f, -INFINITY, NAN}) {
      std::vector<float> values(256, 1.0f);
      values[200] = wrong;
      EXPECT_THROW(there_and_back(values, dtype), Error);
    }
  }
  EXPECT_THROW(there_and_back(normal_values(256, 1), DType::kQ6_K), Error);  // read only
}

TEST(Formats, HaveNamesAndSizes) {
  EXPECT_EQ(dtype_named("q4_k"), DType::kQ4_K);
  EXPECT_EQ(dtype_named("q2_k"), std::nullopt);
  EXPECT_EQ(stored_bytes(DType::kF16, 6), 12u);
  EXPECT_EQ(stored_bytes(DType::kQ8_0, 64), 68u);
  EXPECT_EQ(stored_bytes(DType::kQ6_K, 512), 420u);
  EXPECT_FALSE(is_block_format(DType::kBF16));
}

}  // namespace
}  // namespace glossa::checkpoint
