#include "serve/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace glossa::serve {
namespace {

using json = nlohmann::ordered_json;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class EventLogTest : public ::testing::Test {
 protected:
  ~EventLogTest() override { set_event_log({}); }

  void listen(bool transcripts = false) {
    set_event_log([this](std::string_view line) { lines_.push_back(json::parse(line)); }, transcripts);
  }

  std::vector<json> lines_;
  const Origin origin_ = {"call-7", "grpc", "10.0.0.7"};
  const Utterance utterance_ = {
      .text = "Zwei Brote.", .language = "de-DE", .words = {}, .start = 0.5, .end = 1.25};
};

TEST_F(EventLogTest, ARequestIsALine) {
  listen();
  log_request({.origin = origin_, .call = "Recognize", .code = "OK", .seconds = 0.01236});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0]["time"].get<std::string>(),
              MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"));
  lines_[0].erase("time");
  EXPECT_EQ(lines_[0], json::parse(R"({"level":"info","event":"request","request":"call-7","protocol":"grpc",
      "peer":"10.0.0.7","call":"Recognize","code":"OK","seconds":0.012})"));
}

TEST_F(EventLogTest, FailuresOfTheServerAreWarningsAndSayWhy) {
  listen();
  log_request(
      {.origin = origin_, .call = "Recognize", .code = "INTERNAL", .is_failure = true, .why = "no memory"});
  log_stream({.origin = origin_, .kind = "live", .outcome = "error", .is_failure = true, .why = "no memory"});
  log_stream({.origin = origin_, .kind = "live", .outcome = "error", .why = "too long"});
  log_stream({.origin = origin_, .kind = "live", .outcome = "cancelled", .words = 7, .boosted_words = 2});
  ASSERT_THAT(lines_, SizeIs(4));
  EXPECT_EQ(lines_[0]["level"], "warning");
  EXPECT_EQ(lines_[0]["why"], "no memory");
  EXPECT_EQ(lines_[1]["level"], "warning");
  EXPECT_EQ(lines_[1]["why"], "no memory");
  EXPECT_EQ(lines_[2]["level"], "info");
  EXPECT_EQ(lines_[2]["why"], "too long");
  EXPECT_EQ(lines_[3]["level"], "info");
  EXPECT_FALSE(lines_[3].contains("why"));
  EXPECT_EQ(lines_[3]["words"], 7);
  EXPECT_EQ(lines_[3]["boosted_words"], 2);
}

TEST_F(EventLogTest, TranscriptsAreToldOnDemand) {
  listen();
  log_utterance(origin_, 3, utterance_);
  EXPECT_THAT(lines_, IsEmpty());
  listen(/*transcripts=*/true);
  log_utterance(origin_, 3, utterance_);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0]["text"], "Zwei Brote.");
  EXPECT_EQ(lines_[0]["stream"], 3);
  EXPECT_EQ(lines_[0]["end"], 1.25);
}

TEST_F(EventLogTest, IsSilentWithoutASink) {
  listen(/*transcripts=*/true);
  set_event_log({}, /*transcripts=*/true);
  log_request({.origin = origin_});
  log_stream({.origin = origin_});
  log_utterance(origin_, 3, utterance_);
  log_message(log::Level::kWarning, "a");
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(EventLogTest, WhatIsNotUtf8IsALineOfJson) {
  listen();
  log_message(log::Level::kInfo, "a\n\xff\"b");
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0]["message"], "a\n\xEF\xBF\xBD\"b");
}

TEST(RequestName, IsTheClientsWhereThatIsAName) {
  EXPECT_EQ(request_name("order-66/{a}"), "order-66/{a}");
  EXPECT_EQ(request_name(std::string(64, 'a')), std::string(64, 'a'));
  std::set<std::string> names;
  for (const std::string& given :
       {std::string(), std::string(65, 'a'), std::string("order 66"), std::string("a\n"), std::string("ä")}) {
    const std::string name = request_name(given);
    EXPECT_THAT(name, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
    names.insert(name);
  }
  EXPECT_THAT(names, SizeIs(5));
}

}  // namespace
}  // namespace glossa::serve
