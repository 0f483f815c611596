// Oracle: a plain list of all rows ever written.
#include "engine/encoder_cache.h"

#include <gtest/gtest.h>

#include <random>

namespace glossa::engine {
namespace {

TEST(EncoderCache, HoldsTheLastRowsInOrderWhateverTheStepSizes) {
  model::EncoderConfig config;
  config.layers = 2;
  config.d_model = 3;
  config.heads = 1;
  config.conv_kernel = 3;
  config.subsampling_factor = 8;
  std::mt19937 random(4);
  for (const AttContext context :
       {AttContext{56, 0}, AttContext{56, 13}, AttContext{4, 1}, AttContext{0, 2}}) {
    EncoderCache cache(config, context, CacheFormat::kF32, std::make_shared<const RelativePositions>());
    std::vector<float> history;  // first column of layer 1's keys
    for (int step = 0; step < 200; ++step) {
      const auto frames = std::uniform_int_distribution<std::int64_t>(1, step % 20 == 0 ? 130 : 14)(random);
      cache.begin(frames);
      const backend::RowRing keys = cache.keys(1);
      const backend::RowRing values = cache.values(0);
      const auto element = [](const backend::RowRing& ring, std::int64_t row, int column) -> float& {
        return reinterpret_cast<float*>(ring.head(row, 0))[column];
      };
      ASSERT_EQ(keys.rows, cache.cached() + frames);
      for (std::int64_t row = 0; row < frames; ++row) {
        const auto number = static_cast<float>(history.size());
        history.push_back(number);
        element(keys, cache.cached() + row, 0) = number;
        element(values, cache.cached() + row, 2) = -number;
      }
      for (std::int64_t row = 0; row < keys.rows; ++row) {
        const float expected = history[history.size() - static_cast<std::size_t>(keys.rows - row)];
        ASSERT_EQ(element(keys, row, 0), expected);
        ASSERT_EQ(element(values, row, 2), -expected);
      }
      cache.end();
      ASSERT_EQ(cache.cached(),
                std::min<std::int64_t>(context.left, static_cast<std::int64_t>(history.size())));
    }
  }
}

}  // namespace
}  // namespace glossa::engine
