// Oracle: the scalar table. Every byte that packing can make times every byte that inputs can be, so that
// sums of products in narrow integers would overflow; scales are powers of two, so that the rest is exact,
// too.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/kernel_selection.h"
#include "backend/cpu/packing.h"
#include "backend/instruction_sets.h"

namespace glossa::backend {
namespace {

class PackedKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const KernelTable* table : available_kernels()) {
      if (table->name == GetParam()) table_ = table;
    }
    ASSERT_NE(table_, nullptr);
  }

  static constexpr std::int64_t kMostRows = 13;
  static constexpr std::int64_t kBlocks = 3;
  static constexpr std::int64_t kInputs = kBlocks * kBlock;
  static constexpr std::int64_t kStride = kInputs + 32;

  int draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  // Mostly the two ends of the range.
  int draw_extreme(int low, int high) {
    const int kind = draw(0, 3);
    return kind == 0 ? draw(low, high) : kind == 1 ? high : low;
  }

  Int8Rows draw_rows(std::int64_t rows) {
    values_.assign(static_cast<std::size_t>(rows * kStride), 0);
    scales_.assign(static_cast<std::size_t>(rows), 0.25f);
    totals_.clear();
    starts_.clear();
    for (std::int64_t row = 0; row < rows; ++row) {
      std::int32_t total = 0;
      for (std::int64_t half = 0; half < 2 * kBlocks; ++half) {
        std::int32_t sum = 0;
        for (std::int64_t input = half * kBlock / 2; input < (half + 1) * kBlock / 2; ++input) {
          const int value = draw_extreme(-128, 127);
          values_[static_cast<std::size_t>(row * kStride + input)] = static_cast<std::int8_t>(value);
          sum += value;
        }
        starts_.push_back(-8 * sum);
        total += sum;
      }
      totals_.push_back(total);
    }
    return {values_.data(), kStride, scales_.data(), totals_.data(), starts_.data(), rows, kBlocks};
  }

  template <class Kernel>
  void expect_equal_to_scalar(Kernel kernel, const Int8Rows& x, const std::vector<std::uint8_t>& panel) {
    const auto size = static_cast<std::size_t>(x.rows * kPanel);
    std::vector<float> actual(size, std::numeric_limits<float>::quiet_NaN());
    std::vector<float> expected(size);
    (table_->*kernel)(x, panel.data(), actual.data(), kPanel);
    (kScalarKernels.*kernel)(x, panel.data(), expected.data(), kPanel);
    ASSERT_EQ(actual, expected) << x.rows << " rows";
  }

  const KernelTable* table_ = nullptr;
  std::mt19937 random_{7};
  std::vector<std::int8_t> values_;
  std::vector<float> scales_;
  std::vector<std::int32_t> totals_;
  std::vector<std::int32_t> starts_;
};

TEST_P(PackedKernels, Int8SumsOfExtremeBytesAreExact) {
  std::vector<std::uint8_t> panel(static_cast<std::size_t>(panel_bytes(WeightFormat::kInt8, kInputs)));
  for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
    for (std::uint8_t& byte : panel) byte = static_cast<std::uint8_t>(128 + draw_extreme(-127, 127));
    const std::vector<float> scales(kPanel, 0.5f);
    std::memcpy(panel.data() + kInputs * kPanel, scales.data(), kPanel * sizeof(float));
    expect_equal_to_scalar(&KernelTable::matmul_int8, draw_rows(rows), panel);
  }
}

TEST_P(PackedKernels, Int4SumsOfExtremeBytesAreExact) {
  const auto size = static_cast<std::size_t>(panel_bytes(WeightFormat::kInt4, kInputs));
  std::vector<std::uint8_t> panel(size);
  for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
    for (std::uint8_t& byte : panel)
      byte = static_cast<std::uint8_t>(draw_extreme(0, 15) | draw_extreme(0, 15) << 4);
    const std::vector<float> scales(kPanel, 0.5f);
    std::memcpy(panel.data() + size - kPanel * sizeof(float), scales.data(), kPanel * sizeof(float));
    expect_equal_to_scalar(&KernelTable::matmul_int4, draw_rows(rows), panel);
  }
}

TEST_P(PackedKernels, Bf16ProductsOfSmallIntegersAreExact) {
  for (std::int64_t rows = 1; rows <= kMostRows; ++rows) {
    std::vector<float> x(static_cast<std::size_t>(rows * kInputs));
    for (float& value : x) value = static_cast<float>(draw(-100, 100));
    std::vector<std::uint16_t> panel(kPanel * kInputs);
    for (std::uint16_t& weight : panel) {
      const auto value = static_cast<float>(draw(-100, 100));  // has 7 bits: bf16 holds it
      std::uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      weight = static_cast<std::uint16_t>(bits >> 16);
    }
    std::vector<float> actual(static_cast<std::size_t>(rows * kPanel));
    std::vector<float> expected(actual.size());
    table_->matmul_bf16(x.data(), kInputs, rows, panel.data(), kInputs, actual.data(), kPanel);
    kScalarKernels.matmul_bf16(x.data(), kInputs, rows, panel.data(), kInputs, expected.data(), kPanel);
    ASSERT_EQ(actual, expected) << rows << " rows";
  }
}

TEST_P(PackedKernels, RowsAreQuantizedAlike) {
  std::normal_distribution<float> normal;
  for (std::int64_t inputs = 1; inputs <= 2 * kBlock + 1; ++inputs) {
    const std::int64_t blocks = blocks_of(inputs);
    std::vector<float> x(static_cast<std::size_t>(inputs));
    for (float& value : x) value = normal(random_);
    std::vector<std::int8_t> actual(static_cast<std::size_t>(blocks * kBlock), std::int8_t{1});
    std::vector<std::int8_t> expected(actual.size(), std::int8_t{2});
    std::int32_t total = -1;
    std::int32_t expected_total = -2;
    std::vector<std::int32_t> starts(static_cast<std::size_t>(2 * blocks));
    std::vector<std::int32_t> expected_starts(starts.size(), 1);
    EXPECT_EQ(table_->quantize_row_int8(x.data(), inputs, actual.data(), &total, starts.data()),
              kScalarKernels.quantize_row_int8(x.data(), inputs, expected.data(), &expected_total,
                                               expected_starts.data()));
    EXPECT_EQ(actual, expected) << inputs << " inputs";
    EXPECT_EQ(total, expected_total) << inputs << " inputs";
    EXPECT_EQ(starts, expected_starts) << inputs << " inputs";
    EXPECT_EQ(std::accumulate(starts.begin(), starts.end(), 0), -8 * total) << inputs << " inputs";

    std::vector<float> wide(x.size());
    std::vector<float> expected_wide(x.size());
    const std::vector<float> scales = {0.37f, -2.0f};
    const std::int64_t half = inputs / 2 / kBlock * kBlock;  // two rows of whole blocks
    table_->widen_rows_int8(actual.data(), scales.data(), 2, half, wide.data());
    kScalarKernels.widen_rows_int8(actual.data(), scales.data(), 2, half, expected_wide.data());
    EXPECT_EQ(wide, expected_wide) << inputs << " inputs";

    std::vector<std::uint16_t> narrow(x.size());
    std::vector<std::uint16_t> expected_narrow(x.size());
    table_->narrow_bf16(x.data(), inputs, narrow.data());
    kScalarKernels.narrow_bf16(x.data(), inputs, expected_narrow.data());
    EXPECT_EQ(narrow, expected_narrow) << inputs << " inputs";
    table_->widen_bf16(narrow.data(), inputs, wide.data());
    kScalarKernels.widen_bf16(narrow.data(), inputs, expected_wide.data());
    EXPECT_EQ(wide, expected_wide) << inputs << " inputs";
  }
}

TEST_P(PackedKernels, PeaksCountTheirOperations) {
  EXPECT_GT(table_->peak_f32(10), 0);
  EXPECT_EQ(table_->peak_int8(10), 4 * table_->peak_f32(10));  // four bytes for a float
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, PackedKernels, ::testing::ValuesIn(testing::instruction_sets()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace glossa::backend
