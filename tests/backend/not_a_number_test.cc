// Oracle: the scalar table. Whatever the instruction set and wherever the NaN lies in a row, vectors' ends
// included, it gives NaN in the same places, or is passed over alike.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/kernel_selection.h"
#include "backend/cpu/packing.h"
#include "backend/instruction_sets.h"

namespace glossa::backend {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Values = std::vector<float>;

class NotANumber : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const KernelTable* table : available_kernels()) {
      if (table->name == GetParam()) table_ = table;
    }
    ASSERT_NE(table_, nullptr);
  }

  // Of 5, 70 and other numbers of values: tails, and several vectors of each kind.
  template <class Test>
  void for_each_place(const Test& test) {
    std::normal_distribution<float> normal;
    for (const std::int64_t n : {1, 5, 16, 33, 70}) {
      for (std::int64_t at = 0; at < n; ++at) {
        for (const float nan : {kNan, -kNan}) {
          Values x(static_cast<std::size_t>(n));
          for (float& value : x) value = normal(random_);
          x[static_cast<std::size_t>(at)] = nan;
          test(x, n);
        }
      }
    }
    const Values nothing_else(40, kNan);
    test(nothing_else, 40);
  }

  static void expect_alike(const Values& actual, const Values& expected, const char* what) {
    for (std::size_t index = 0; index < expected.size(); ++index) {
      ASSERT_EQ(std::isnan(actual[index]), std::isnan(expected[index]))
          << what << " " << index << " of " << expected.size();
      if (!std::isnan(expected[index])) {
        ASSERT_NEAR(actual[index], expected[index], 1e-5) << what;
      }
    }
  }

  // y of both tables; run(table, y).
  template <class Run>
  void expect_same(const char* what, std::int64_t n, const Run& run) {
    Values actual(static_cast<std::size_t>(n), 0.5f);
    Values expected = actual;
    run(*table_, actual.data());
    run(kScalarKernels, expected.data());
    expect_alike(actual, expected, what);
  }

  const KernelTable* table_ = nullptr;
  std::mt19937 random_{5};
};

TEST_P(NotANumber, ComesThroughElementByElement) {
  const Values ones(320, 1.0f);
  for_each_place([&](const Values& x, std::int64_t n) {
    for (const KernelActivation activation : {0, 1, 2}) {
      expect_same("finish_rows", n, [&](const KernelTable& table, float* y) {
        table.finish_rows_f32(x.data(), n, 1, n, ones.data(), activation, 0.0f, y, n);
      });
      expect_same("add", n, [&](const KernelTable& table, float* y) {
        table.add_f32(x.data(), ones.data(), n, activation, y);
      });
    }
    expect_same("glu", n,
                [&](const KernelTable& table, float* y) { table.glu_f32(ones.data(), x.data(), n, y); });
    // The same values in every gate.
    Values gates;
    for (int gate = 0; gate < 4; ++gate) gates.insert(gates.end(), x.begin(), x.end());
    expect_same("lstm", n, [&](const KernelTable& table, float* y) {
      Values cell = ones;
      table.lstm_row_f32(gates.data(), n, cell.data(), y);
      EXPECT_EQ(std::isnan(cell[0]), std::isnan(x[0]));
    });
  });
}

TEST_P(NotANumber, SpoilsWhatItIsASummandOf) {
  for_each_place([&](const Values& x, std::int64_t n) {
    Values y = x;
    table_->softmax_row_f32(y.data(), n, 0.7f);
    for (const float value : y) ASSERT_TRUE(std::isnan(value)) << n;
    EXPECT_TRUE(std::isnan(table_->sum_exp_f32(x.data(), n, 0.7f, 0.1f))) << n;
  });
}

TEST_P(NotANumber, IsPassedOverBySearches) {
  for_each_place([&](const Values& x, std::int64_t n) {
    std::int64_t largest = -1;
    for (std::int64_t at = 0; at < n; ++at) {
      const float value = x[static_cast<std::size_t>(at)];
      if (!std::isnan(value) && (largest < 0 || value > x[static_cast<std::size_t>(largest)])) largest = at;
    }
    EXPECT_EQ(table_->argmax_row_f32(x.data(), n), std::max<std::int64_t>(largest, 0)) << n;
  });
}

TEST_P(NotANumber, Is0In8Bits) {
  for_each_place([&](const Values& x, std::int64_t n) {
    Values zeroed = x;
    for (float& value : zeroed) value = std::isnan(value) ? 0.0f : value;
    const auto blocks = static_cast<std::size_t>(blocks_of(n));
    std::vector<std::int8_t> actual(blocks * kBlock, std::int8_t{1});
    std::vector<std::int8_t> expected(actual.size(), std::int8_t{2});
    std::int32_t total = -1;
    std::int32_t expected_total = -2;
    std::vector<std::int32_t> starts(2 * blocks);
    std::vector<std::int32_t> expected_starts(2 * blocks);
    ASSERT_EQ(table_->quantize_row_int8(x.data(), n, actual.data(), &total, starts.data()),
              kScalarKernels.quantize_row_int8(zeroed.data(), n, expected.data(), &expected_total,
                                               expected_starts.data()));
    ASSERT_EQ(actual, expected) << n;
    ASSERT_EQ(total, expected_total) << n;
    ASSERT_EQ(starts, expected_starts) << n;
  });
}

TEST_P(NotANumber, StaysOneInBf16) {
  for_each_place([&](const Values& x, std::int64_t n) {
    std::vector<std::uint16_t> narrow(x.size());
    table_->narrow_bf16(x.data(), n, narrow.data());
    Values wide(x.size());
    table_->widen_bf16(narrow.data(), n, wide.data());
    for (std::size_t at = 0; at < x.size(); ++at) ASSERT_EQ(std::isnan(wide[at]), std::isnan(x[at])) << at;
  });
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, NotANumber, ::testing::ValuesIn(testing::instruction_sets()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace glossa::backend
