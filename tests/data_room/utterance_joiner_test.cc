#include "data/utterance_joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "glossa/error.hpp"
#include "support/message_of.h"

namespace glossa::data {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr double kLongest = 12;  // seconds

std::vector<Cut> spoken_cuts(int count) {
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

// Everything that is drawn, bit for bit.
std::vector<std::string> shown_with_parts(const BatchPlan& planned) {
  std::vector<std::string> result;
  for (const PlannedCut& cut : planned) {
    std::string line = std::to_string(cut.seed) + ": " + cut.cut->id;
    for (const CutPart& part : cut.cut->parts) line += " " + std::to_string(part.pause);
    result.push_back(line);
  }
  return result;
}

double share_joined(const BatchPlan& planned) {
  const auto joined = std::count_if(planned.begin(), planned.end(),
                                    [](const PlannedCut& cut) { return cut.joined != nullptr; });
  return static_cast<double>(joined) / static_cast<double>(planned.size());
}

TEST(UtteranceJoiner, EveryCutOnceAndOfOneLanguage) {
  const std::vector<Cut> all = spoken_cuts(900);
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
  EXPECT_NEAR(share_joined(one_pass(spoken_cuts(4000), {.share = 0.3, .most = 2, .pause = {0, 1}}).planned),
              0.3, 0.03);
}

// Joined cuts are longer than all others: they must not wait in a bucket of their own.
TEST(UtteranceJoiner, TheShareAskedForFromTheFirstBatches) {
  BatchSampler sampler({{"a", 1, spoken_cuts(4000)}},
                       {.batch_duration = 120, .max_duration = 20, .join = {.share = 0.3}});
  BatchPlan planned;
  for (int batch = 0; batch < 150; ++batch) {
    const BatchPlan plan = sampler.next();
    planned.insert(planned.end(), plan.begin(), plan.end());
  }
  EXPECT_GT(share_joined(planned), 0.2);
  EXPECT_LT(share_joined(planned), 0.4);
}

TEST(UtteranceJoiner, NoShareChangesNothing) {
  const Pass pass = one_pass(spoken_cuts(100), {});
  EXPECT_THAT(pass.planned, SizeIs(100));
  for (const PlannedCut& cut : pass.planned) EXPECT_EQ(cut.joined, nullptr);
}

TEST(UtteranceJoiner, TheSameSeedJoinsTheSame) {
  const std::vector<Cut> all = spoken_cuts(300);
  EXPECT_EQ(shown_with_parts(one_pass(all, {.share = 0.5}).planned),
            shown_with_parts(one_pass(all, {.share = 0.5}).planned));
  EXPECT_NE(shown_with_parts(one_pass(all, {.share = 0.5}).planned),
            shown_with_parts(one_pass(all, {.share = 0.5}, 6).planned));
}

TEST(UtteranceJoiner, ResumesInAnyProcess) {
  const std::vector<Cut> all = spoken_cuts(300);
  const SamplerOptions options{.batch_duration = 30, .join = {.share = 0.5}, .rank = 1, .ranks = 2};
  BatchSampler whole({{"a", 1, all}}, options);
  BatchSampler resumed({{"a", 1, all}}, options);
  for (int step = 0; step < 10; ++step) whole.next();
  resumed.skip(10);
  for (int step = 0; step < 40; ++step)
    EXPECT_EQ(shown_with_parts(resumed.next()), shown_with_parts(whole.next())) << step;
}

// What a batch of so many seconds cannot hold stays alone; what just fits is drawn.
TEST(UtteranceJoiner, NothingThatABatchCannotHold) {
  std::vector<Cut> two(2);
  two[0].duration = 3.72;
  two[1].duration = 15.88;
  for (const double most : {20.0, 19.99}) {
    BatchSampler sampler(
        {{"a", 1, two}},
        {.batch_duration = most, .endless = false, .join = {.share = 1, .pause = {0.2, 0.2}}});
    std::size_t parts = 0;
    for (BatchPlan plan = sampler.next(); !plan.empty(); plan = sampler.next()) {
      for (const PlannedCut& cut : plan) {
        EXPECT_LE(cut.cut->duration, most);
        parts += std::max<std::size_t>(1, cut.cut->parts.size());
      }
    }
    EXPECT_EQ(parts, 2u) << most;
  }
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

TEST(UtteranceJoiner, TextsAsTheLanguageWritesThem) {
  const auto text_of = [](const std::string& lang, const std::string& text) {
    std::vector<Cut> two(2);
    for (Cut& cut : two) {
      cut.duration = 1;
      cut.text = text;
      cut.target_lang = lang;
    }
    return one_pass(two, {.share = 1}).planned.at(0).cut->text;
  };
  EXPECT_EQ(text_of("de-DE", "Ja. "), "Ja. Ja.");
  EXPECT_EQ(text_of("de-DE", ""), "");
  EXPECT_EQ(text_of("zh-CN", "你好。"), "你好。你好。");
  EXPECT_EQ(text_of("ja-JP", "はい"), "はいはい");
  EXPECT_EQ(text_of("ko-KR", "네."), "네. 네.");
}

TEST(UtteranceJoiner, WrongOptionsAreNamed) {
  const auto complaint_of = [](const JoinOptions& join) -> std::string {
    return testing::message_of([&] { one_pass(spoken_cuts(3), join); }, ErrorCode::kInvalidArgument);
  };
  EXPECT_THAT(complaint_of({.share = 1.5}), HasSubstr("share 1.5"));
  EXPECT_THAT(complaint_of({.share = std::nan("")}), HasSubstr("share nan"));
  EXPECT_THAT(complaint_of({.share = 0.5, .most = 1}), HasSubstr("1 utterances"));
  EXPECT_THAT(complaint_of({.share = 0.5, .pause = {2, 1}}), HasSubstr("pauses of 2 to 1 s"));
  EXPECT_THAT(complaint_of({.share = 0.5, .pause = {-1, 1}}), HasSubstr("pauses of -1 to 1 s"));
}

}  // namespace
}  // namespace glossa::data
