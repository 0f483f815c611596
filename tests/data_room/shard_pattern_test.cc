#include "data/shard_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/cut_sources.h"
#include "glossa/error.hpp"

namespace glossa::data {
namespace {

using ::testing::ElementsAre;

// Oracle: bash's brace expansion of the same, with NeMo's brackets put for braces.
TEST(ShardPattern, ExpandsEveryBracketOfNeMo) {
  EXPECT_THAT(expand_shards("a__OP_0..2_CL_.tar"), ElementsAre("a_0.tar", "a_1.tar", "a_2.tar"));
  EXPECT_THAT(expand_shards("a_{8..10}.tar"), ElementsAre("a_8.tar", "a_9.tar", "a_10.tar"));
  EXPECT_THAT(expand_shards("a_(0..1)"), ElementsAre("a_0", "a_1"));
  EXPECT_THAT(expand_shards("a_[1..0]"), ElementsAre("a_1", "a_0"));
  EXPECT_THAT(expand_shards("a_<5..5>.x"), ElementsAre("a_5.x"));
  EXPECT_THAT(expand_shards("{x,yy,}z"), ElementsAre("xz", "yyz", "z"));
}

TEST(ShardPattern, KeepsZeroPadding) {
  EXPECT_THAT(expand_shards("{08..10}"), ElementsAre("08", "09", "10"));
  EXPECT_THAT(expand_shards("{0..010}").front(), "000");
}

TEST(ShardPattern, SeveralRangesVaryTheLastFastest) {
  EXPECT_THAT(expand_shards("{a,b}/_OP_0..1_CL_"), ElementsAre("a/0", "a/1", "b/0", "b/1"));
}

TEST(ShardPattern, WithoutARangeGivesItself) {
  for (const char* name : {"plain.tar", "my (first) take, [2].tar", "a{b}.tar", "open{0..3", "", "x..y"}) {
    EXPECT_THAT(expand_shards(name), ElementsAre(name));
  }
}

TEST(ShardPattern, RefusesWhatWouldFillTheMemory) {
  EXPECT_THROW(expand_shards("{0..999999999}"), Error);
  EXPECT_THROW(expand_shards("{0..999}{0..999}"), Error);
}

// Oracle: NeMo's "audio[^/]*_(\d+)[^/]*\.tar" and "manifest[^/]*_(\d+)[^/]*\.json" on the same names.
TEST(ShardPattern, NumbersOfShards) {
  EXPECT_EQ(shard_id("/d_7/audio_12.tar", "audio"), 12);
  EXPECT_EQ(shard_id("audio_3_bucket_04.tar", "audio"), 4);
  EXPECT_EQ(shard_id("audio_3_v2.tar", "audio"), 3);
  EXPECT_EQ(shard_id("s/manifest_5.json", "manifest"), 5);
  EXPECT_EQ(shard_id("part-000017.tar", "audio"), 17);
  EXPECT_EQ(shard_id("audio.tar", "audio"), std::nullopt);
}

}  // namespace
}  // namespace glossa::data
