// Oracle: words and tokens written by hand.
#include "serve/logprobs.h"

#include <gtest/gtest.h>

#include <string>

namespace glossa::serve {
namespace {

// "Hi there. So" with a tag behind the full stop, which is of no word.
Transcript hello() {
  Transcript transcript;
  transcript.tokens = {{.id = 1, .frame = 2, .log_prob = -1, .confidence = 0.9f},    // _Hi
                       {.id = 2, .frame = 3, .log_prob = -2, .confidence = 0.8f},    // _th
                       {.id = 3, .frame = 3, .log_prob = -4, .confidence = 0.3f},    // ere
                       {.id = 4, .frame = 5, .log_prob = -8, .confidence = 0.7f},    // .
                       {.id = 9, .frame = 5, .log_prob = -16, .confidence = 0.2f},   // <en-US>
                       {.id = 5, .frame = 7, .log_prob = -32, .confidence = 0.6f},   // _S
                       {.id = 6, .frame = 8, .log_prob = -64, .confidence = 0.5f}};  // o
  transcript.words = {{.text = "Hi", .language = "en-US", .first_token = 0, .last_token = 1},
                      {.text = "there.", .language = "en-US", .first_token = 1, .last_token = 4},
                      {.text = "So", .first_token = 5, .last_token = 7}};
  transcript.text = "Hi there. So";
  return transcript;
}

TEST(Logprobs, EntriesAreTheText) {
  const Transcript transcript = hello();
  const nlohmann::json list = logprobs_json(transcript);
  EXPECT_EQ(list, nlohmann::json::parse(R"([
      {"token": "Hi", "logprob": -1.0, "bytes": [72, 105]},
      {"token": " there.", "logprob": -14.0, "bytes": [32, 116, 104, 101, 114, 101, 46]},
      {"token": " So", "logprob": -96.0, "bytes": [32, 83, 111]}])"));
  GrowingLogprobs told;
  EXPECT_EQ(told.take(transcript.words, transcript, "Hi").size(), 1u);
  EXPECT_EQ(told.take(transcript.words, transcript, " the").size(), 0u);
  EXPECT_EQ(told.take(transcript.words, transcript, "re.").size(), 1u);
  told.close(transcript.words, transcript);
  EXPECT_EQ(told.all(), list);
}

}  // namespace
}  // namespace glossa::serve
