#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace glossa {
namespace {

// Oracle: the definitions of IEEE 754 binary16 and of bfloat16, in double arithmetic.
double value_of_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryF16WidensAndComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double expected = value_of_f16(half);
    const float widened = f16_to_float(half);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(widened)) << bits;
      EXPECT_TRUE(std::isnan(f16_to_float(float_to_f16(widened)))) << bits;
    } else {
      EXPECT_EQ(widened, expected) << bits;
      EXPECT_EQ(std::signbit(widened), (bits & 0x8000) != 0) << bits;
      EXPECT_EQ(float_to_f16(widened), half) << bits;
    }
  }
}

// Between two neighbours the nearer one wins; halfway, the one with an even last bit.
TEST(Half, F16RoundsToNearestEven) {
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {
    const double low = value_of_f16(half);
    const double high = value_of_f16(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one more bit
    const auto even = static_cast<std::uint16_t>(half + (half & 1));
    EXPECT_EQ(float_to_f16(middle), even) << half;
    EXPECT_EQ(float_to_f16(std::nextafter(middle, 0.0f)), half) << half;
    EXPECT_EQ(float_to_f16(std::nextafter(middle, 1e9f)), half + 1) << half;
    EXPECT_EQ(float_to_f16(-middle), even | 0x8000) << half;
  }
  EXPECT_EQ(float_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(float_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(float_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(float_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(Half, EveryBf16WidensAndComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float widened = bf16_to_float(half);
    if (std::isnan(widened)) {
      EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(widened)))) << bits;
    } else {
      EXPECT_EQ(float_to_bf16(widened), half) << bits;
    }
  }
}

TEST(Half, Bf16RoundsToNearestEven) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200'000; ++trial) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    const auto down = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);  // towards zero
    const double low = bf16_to_float(down);
    const auto up = static_cast<std::uint16_t>(down + 1);
    if ((up & 0x7f80) == 0x7f80) continue;
    const double high = bf16_to_float(up);
    const double to_low = std::abs(value - low);
    const double to_high = std::abs(high - value);
    const std::uint16_t expected = to_low < to_high   ? down
                                   : to_high < to_low ? up
                                   : (down & 1) != 0  ? up
                                                      : down;
    EXPECT_EQ(float_to_bf16(value), expected) << value;
  }
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // halfway, even below
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // halfway, even above
  EXPECT_EQ(float_to_bf16(INFINITY), 0x7f80);
  EXPECT_EQ(float_to_bf16(-std::numeric_limits<float>::max()), 0xff80);
}

}  // namespace
}  // namespace glossa
