#include "bench/floor.h"

#include <gtest/gtest.h>

namespace glossa::bench {
namespace {

// 590 MB at 20 GB/s: 29.5 ms. 2 x 600 M operations at 500 GOP/s: 2.4 ms per frame in int8, at 200: 6 ms in
// f32.
const MachineCeiling kMachine{
    .processor = "", .kernels = "", .read_gb_per_s = 20, .f32_gflop_per_s = 200, .int8_gop_per_s = 500};
const engine::StepCost kCost{.weight_bytes = 590e6, .multiply_adds_per_frame = 600e6};

TEST(Floor, IsTheSlowerOfReadingAndArithmetic) {
  const Floor floor(kMachine, kCost, WeightFormat::kInt8);
  EXPECT_NEAR(floor.step_seconds(0), 0.0295, 1e-6);
  EXPECT_NEAR(floor.step_seconds(12), 0.0295, 1e-6);
  EXPECT_NEAR(floor.step_seconds(14), 0.0336, 1e-6);
  EXPECT_NEAR(Floor(kMachine, kCost, WeightFormat::kInt4).step_seconds(14), 0.0336, 1e-6);
  EXPECT_NEAR(Floor(kMachine, kCost, WeightFormat::kF32).step_seconds(14), 0.084, 1e-6);
  EXPECT_NEAR(Floor(kMachine, kCost, WeightFormat::kBF16).step_seconds(14), 0.084, 1e-6);
}

TEST(Floor, CarriesAsManyStreamsAsTheArithmeticAllows) {
  const Floor floor(kMachine, kCost, WeightFormat::kInt8);
  EXPECT_NEAR(floor.streams(0.08, 0.08), 0.08 / 0.0024, 1e-3);
  EXPECT_NEAR(floor.streams(1.12, 0.08), 0.08 / 0.0024, 1e-3);
  EXPECT_EQ(floor.streams(0.02, 0.08), 0);  // the weights alone take longer
}

}  // namespace
}  // namespace glossa::bench
