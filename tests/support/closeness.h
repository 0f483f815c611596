// Comparing rows of numbers with a golden tensor.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>

namespace glossa::testing {

struct Tolerance {
  double absolute = 0;
  double relative = 0;  // of the expected value
};

// NeMo's goldens were computed in f32; the tolerances stated beside them.
inline constexpr Tolerance kLayerTolerance{1e-3, 1e-3};
inline constexpr Tolerance kLogitTolerance{2e-3, 0};

inline void expect_close(std::span<const float> actual, std::span<const float> expected, Tolerance tolerance,
                         const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t index = 0; index < actual.size(); ++index) {
    const double allowed = tolerance.absolute + tolerance.relative * std::abs(expected[index]);
    ASSERT_NEAR(actual[index], expected[index], allowed)
        << what << ", element " << index << " of " << actual.size();
  }
}

// |actual - expected| / |expected|, both as vectors.
inline double relative_l2(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0;
  double norm = 0;
  for (std::size_t index = 0; index < expected.size(); ++index) {
    difference += (double{actual[index]} - expected[index]) * (double{actual[index]} - expected[index]);
    norm += double{expected[index]} * expected[index];
  }
  return std::sqrt(difference / (norm > 0 ? norm : 1.0));
}

}  // namespace glossa::testing
