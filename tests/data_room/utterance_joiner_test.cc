#include "data/utterance_joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "glossa/error.hpp"

namespace glossa::data {
namespace {

using ::testing::SizeIs;

constexpr double kLongest = 12;  // seconds

std::vector<Cut> cuts(int count) {
  const char* langs[] = {"de-DE", "el-GR", "de-DE", "fr-FR"};
  std::vector<Cut> result(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) {
    Cut& cut = result[static_cast<std::size_t>(index)];
    cut.id = std::to_string(index);
    cut.target_lang = langs[index % 4];
    cut.text = cut.id + ".";
    cut.duration = 1 + 0.01 * (index % 300);
  }
  return result;
}

struct Pass {
  BatchSampler sampler;  // owns the cuts
  BatchPlan planned;
};

Pass one_pass(const std::vector<Cut>& cuts, const JoinOptions& join, std::uint64_t seed = 5) {
  Pass pass{{{{"a", 1, cuts}},
             {.batch_size = 1, .max_duration = kLongest, .endless = false, .join = join, .seed = seed}},
            {}};
  for (BatchPlan plan = pass.sampler.next(); !plan.empty(); plan = pass.sampler.next())
    pass.planned.push_back(plan.at(0));
  return pass;
}

std::vector<std::string> ids(const BatchPlan& planned) {
  std::vector<std::string> result;
  for (const PlannedCut& cut : planned) result.push_back(cut.cut->id);
  return result;
}

TEST(UtteranceJoiner, EveryCutOnceAndOfOneLanguage) {
  const std::vector<Cut> all = cuts(900);
  std::map<std::string, int> heard;
  std::map<std::size_t, int> sizes;
  const Pass pass = one_pass(all, {.share = 1});
  for (const PlannedCut& planned : pass.planned) {
    const Cut& cut = *planned.cut;
    if (cut.parts.empty()) {
      ++heard[cut.id];
      continue;
    }
    ++sizes[cut.parts.size()];
    double seconds = 0;
    std::string text;
    for (const CutPart& part : cut.parts) {
      ++heard[part.cut->id];
      EXPECT_EQ(part.cut->target_lang, cut.target_lang);
      EXPECT_GE(part.pause, 0.2);
      EXPECT_LE(part.pause, 4);
      seconds += part.pause + part.cut->duration;
      text += (text.empty() ? "" : " ") + part.cut->text;
    }
    EXPECT_DOUBLE_EQ(cut.duration, seconds);
    EXPECT_LE(seconds, kLongest);
    EXPECT_EQ(cut.text, text);
  }
  EXPECT_THAT(heard, SizeIs(all.size()));
  for (const auto& [id, times] : heard) EXPECT_EQ(times, 1) << id;
  EXPECT_THAT(sizes, SizeIs(2));  // two and three
  EXPECT_GT(sizes[2], 50);
  EXPECT_GT(sizes[3], 50);
}

TEST(UtteranceJoiner, TheShareAskedFor) {
  const Pass pass = one_pass(cuts(4000), {.share = 0.3, .most = 2, .pause = {0, 1}});
  const auto joined = std::count_if(pass.planned.begin(), pass.planned.end(),
                                    [](const PlannedCut& cut) { return cut.joined != nullptr; });
  EXPECT_NEAR(static_cast<double>(joined) / static_cast<double>(pass.planned.size()), 0.3, 0.03);
}

TEST(UtteranceJoiner, NoShareChangesNothing) {
  const Pass pass = one_pass(cuts(100), {});
  EXPECT_THAT(pass.planned, SizeIs(100));
  for (const PlannedCut& cut : pass.planned) EXPECT_EQ(cut.joined, nullptr);
}

TEST(UtteranceJoiner, TheSameSeedJoinsTheSameAndResumes) {
  const std::vector<Cut> all = cuts(300);
  EXPECT_EQ(ids(one_pass(all, {.share = 0.5}).planned), ids(one_pass(all, {.share = 0.5}).planned));
  EXPECT_NE(ids(one_pass(all, {.share = 0.5}).planned), ids(one_pass(all, {.share = 0.5}, 6).planned));
  const SamplerOptions options{.batch_duration = 30, .join = {.share = 0.5}};
  BatchSampler whole({{"a", 1, all}}, options);
  BatchSampler resumed({{"a", 1, all}}, options);
  for (int batch = 0; batch < 20; ++batch) whole.next();
  resumed.skip(20);
  EXPECT_EQ(ids(whole.next()), ids(resumed.next()));
}

// What a batch of so many seconds cannot hold stays alone.
TEST(UtteranceJoiner, NothingThatABatchCannotHold) {
  BatchSampler sampler({{"a", 1, cuts(200)}}, {.batch_duration = 4, .endless = false, .join = {.share = 1}});
  double longest = 0;
  for (BatchPlan plan = sampler.next(); !plan.empty(); plan = sampler.next())
    for (const PlannedCut& cut : plan) longest = std::max(longest, cut.cut->duration);
  EXPECT_LE(longest, 4);
  EXPECT_GT(longest, 3);
}

TEST(UtteranceJoiner, LabelsAtTheirTimes) {
  std::vector<Cut> two(2);
  for (Cut& cut : two) {
    cut.duration = 2;
    cut.frame_labels = std::string(50, &cut == two.data() ? 'a' : 'b');
  }
  const Pass pass = one_pass(two, {.share = 1, .pause = {0.4, 0.4}});
  ASSERT_THAT(pass.planned, SizeIs(1));
  const Cut& whole = *pass.planned[0].cut;
  const std::vector<CutPart>& parts = whole.parts;
  EXPECT_EQ(whole.frame_labels, std::string(10, ' ') + parts[0].cut->frame_labels + std::string(10, ' ') +
                                    parts[1].cut->frame_labels);
}

TEST(UtteranceJoiner, ChineseAndJapaneseWithoutSpaces) {
  std::vector<Cut> two(2);
  for (Cut& cut : two) {
    cut.duration = 1;
    cut.text = "你好。";
  }
  const Pass pass = one_pass(two, {.share = 1});
  EXPECT_EQ(pass.planned.at(0).cut->text, "你好。你好。");
}

TEST(UtteranceJoiner, WrongOptionsAreNamed) {
  const auto joining = [](const JoinOptions& join) { one_pass(cuts(3), join); };
  EXPECT_THROW(joining({.share = 1.5}), Error);
  EXPECT_THROW(joining({.share = 0.5, .most = 1}), Error);
  EXPECT_THROW(joining({.share = 0.5, .pause = {2, 1}}), Error);
}

}  // namespace
}  // namespace glossa::data
