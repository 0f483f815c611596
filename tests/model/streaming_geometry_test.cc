#include "model/streaming_geometry.h"

#include <gtest/gtest.h>

#include "glossa/error.hpp"
#include "model/published_model.h"
#include "model/tensor_spec.h"

namespace glossa::model {
namespace {

struct Row {
  int right, chunk, first_mels, later_mels, window, outputs;
};

// Oracle: the numbers that NeMo prints for its streaming_cfg at each operating point.
TEST(StreamingGeometry, OperatingPoints) {
  const auto config = testing::published_model();
  for (const Row& row : {Row{0, 1, 1, 8, 17, 3}, Row{1, 2, 9, 16, 25, 4}, Row{3, 4, 25, 32, 41, 6},
                         Row{6, 7, 49, 56, 65, 9}, Row{13, 14, 105, 112, 121, 16}}) {
    const auto geometry = streaming_geometry(config, {56, row.right}, StreamingMode::kNemoBuffer);
    EXPECT_EQ(geometry.chunk_frames, row.chunk);
    EXPECT_EQ(geometry.first_chunk_mels, row.first_mels);
    EXPECT_EQ(geometry.chunk_mels, row.later_mels);
    EXPECT_EQ(geometry.mel_overlap + geometry.chunk_mels, row.window);
    EXPECT_EQ(geometry.drop_frames, 2);
    EXPECT_EQ(subsampled_length(row.window, 3), row.outputs);
    EXPECT_EQ(subsampled_length(row.first_mels, 3), row.chunk);
  }
}

TEST(StreamingGeometry, UnusableContexts) {
  const auto config = testing::published_model();
  for (const AttContext context :
       {AttContext{56, 2}, AttContext{-1, 0}, AttContext{56, -1}, AttContext{513, 0}, AttContext{0, 513}}) {
    EXPECT_THROW(streaming_geometry(config, context, StreamingMode::kExact), Error)
        << context.left << ' ' << context.right;
  }
}

}  // namespace
}  // namespace glossa::model
