#include "serve/realtime_teller.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr const char* kStarted = "input_audio_buffer.speech_started";
constexpr const char* kStopped = "input_audio_buffer.speech_stopped";
constexpr const char* kCommitted = "input_audio_buffer.committed";
constexpr const char* kAdded = "conversation.item.added";
constexpr const char* kDelta = "conversation.item.input_audio_transcription.delta";
constexpr const char* kCompleted = "conversation.item.input_audio_transcription.completed";
constexpr const char* kFailed = "conversation.item.input_audio_transcription.failed";

class Socket final : public WebSocket {
 public:
  void send(std::string text) override { events.push_back(json::parse(text)); }
  void close(int code, std::string_view) override { closed = code; }

  std::vector<json> events;
  int closed = 0;
};

Utterance spoken(const std::string& text, double start, double end) {
  Utterance utterance;
  utterance.text = text;
  utterance.language = "en-US";
  utterance.start = start;
  utterance.end = end;
  return utterance;
}

// What one session is told, and what a client hears of it.
class Conversation {
 public:
  explicit Conversation(Dialect dialect = Dialect::kOpenAi, std::optional<std::string> item = {},
                        RealtimeSettings settings = {}) {
    settings.dialect = dialect;
    settings.session.silence = 0.5;
    teller_ = make_realtime_teller(std::make_shared<RealtimeEvents>(socket_), settings, std::move(item), 10);
  }

  // Gives the new events. What is open is the interim utterance, unless that is said to have changed.
  std::vector<json> hear(double settled, UtteranceUpdate utterances, bool ended = false,
                         const std::string& error = "", Transcript transcript = {}) {
    transcript.decoded = std::max(transcript.decoded, settled);
    transcript.settled = settled;
    transcript.duration = settled + 0.01;
    socket_->events.clear();
    if (!utterances.interim_changed) utterances.open = utterances.interim;
    utterances.interim_changed |= utterances.interim.has_value();
    teller_({.transcript = transcript, .utterances = std::move(utterances), .ended = ended, .error = error});
    return socket_->events;
  }

  int closed() const { return socket_->closed; }

 private:
  std::shared_ptr<Socket> socket_ = std::make_shared<Socket>();
  Listener teller_;
};

std::vector<std::string> types(const std::vector<json>& events) {
  std::vector<std::string> list;
  for (const json& event : events) list.push_back(event["type"]);
  return list;
}

using Types = std::vector<std::string>;

TEST(RealtimeTeller, SentencesOfATurnAreOneItem) {
  Conversation openai;
  std::vector<json> events = openai.hear(2, {.finals = {spoken("One.", 1, 1.8)}});
  EXPECT_EQ(types(events), (Types{kStarted, kDelta})) << "a full stop ends nothing";
  EXPECT_EQ(events[0]["audio_start_ms"], 11000);
  events = openai.hear(2.6, {.finals = {}, .interim = spoken("Two thr", 2.1, 2.5)});
  EXPECT_EQ(types(events), Types{kDelta});
  EXPECT_EQ(events[0]["delta"], " Two");
  events = openai.hear(2.9, {.finals = {spoken("Two three.", 2.1, 2.7)}});
  EXPECT_EQ(types(events), Types{kDelta});
  EXPECT_EQ(events[0]["delta"], " three.");
  EXPECT_EQ(types(openai.hear(3.1, {})), Types{});
  events = openai.hear(3.2, {});
  EXPECT_EQ(types(events), (Types{kStopped, kCommitted, kAdded, kCompleted}));
  EXPECT_EQ(events[0]["audio_end_ms"], 12700);
  EXPECT_EQ(events[3]["transcript"], "One. Two three.");
  EXPECT_EQ(events[3]["language"], "en-US");
  EXPECT_EQ(events[3]["item_id"], "item_1");
  events = openai.hear(4, {.finals = {}, .interim = spoken("Four five", 3.3, 4)});
  EXPECT_EQ(types(events), (Types{kStarted, kDelta}));
  EXPECT_EQ(events[1]["item_id"], "item_2");
}

TEST(RealtimeTeller, APauseIsSoundOfWhichAllWordsAreSettled) {
  Conversation openai;
  const Transcript heard{.decoded = 9};
  EXPECT_EQ(types(openai.hear(2, {.finals = {spoken("One.", 1, 1.8)}}, false, "", heard)),
            (Types{kStarted, kDelta}));
  EXPECT_EQ(types(openai.hear(2.2, {}, false, "", heard)), Types{});
  EXPECT_EQ(types(openai.hear(2.4, {}, false, "", heard)), (Types{kStopped, kCommitted, kAdded, kCompleted}));
}

TEST(RealtimeTeller, APauseWithinOneUpdateEndsATurn) {
  Conversation openai;
  const std::vector<json> events = openai.hear(4, {.finals = {spoken("One.", 1, 2), spoken("Two.", 3, 3.8)}});
  EXPECT_EQ(types(events),
            (Types{kStarted, kDelta, kStopped, kCommitted, kAdded, kCompleted, kStarted, kDelta}));
  EXPECT_EQ(events[5]["transcript"], "One.");
}

TEST(RealtimeTeller, ACommitIsAnsweredOnce) {
  Conversation speaking;
  speaking.hear(2, {.finals = {}, .interim = spoken("One tw", 1, 2)});
  std::vector<json> events = speaking.hear(2.1, {.finals = {spoken("One two.", 1, 2)}}, /*ended=*/true);
  EXPECT_EQ(types(events), (Types{kDelta, kStopped, kCommitted, kAdded, kCompleted}));
  EXPECT_EQ(events.back()["transcript"], "One two.");

  Conversation silent;
  events = silent.hear(2, {}, /*ended=*/true);
  EXPECT_EQ(types(events), (Types{kCommitted, kAdded, kCompleted}));
  EXPECT_EQ(events.back()["transcript"], "");

  Conversation closed;  // by a pause, and there is a little sound behind it
  closed.hear(2.6, {.finals = {spoken("One.", 1, 2)}});
  events = closed.hear(2.8, {}, /*ended=*/true);
  EXPECT_EQ(types(events), (Types{kCommitted, kAdded, kCompleted}));
  EXPECT_EQ(events[0]["previous_item_id"], "item_1");

  Conversation empty;
  empty.hear(2.6, {.finals = {spoken("One.", 1, 2)}});
  events = empty.hear(2.59, {}, /*ended=*/true);
  EXPECT_EQ(types(events), Types{"error"});
  EXPECT_EQ(events[0]["error"]["code"], "input_audio_buffer_commit_empty");
}

TEST(RealtimeTeller, AnItemThatFailsIsNamed) {
  Conversation turn;
  turn.hear(2, {.finals = {}, .interim = spoken("One tw", 1, 2)});
  std::vector<json> events = turn.hear(2, {}, /*ended=*/true, "broken");
  EXPECT_EQ(types(events), (Types{kFailed, "error"}));
  EXPECT_EQ(events[0]["item_id"], "item_1");
  EXPECT_EQ(events[0]["error"]["message"], "broken");
  EXPECT_EQ(turn.closed(), close_code::kInternalError);

  Conversation whole(Dialect::kOpenAi, "item_7");
  events = whole.hear(2, {}, /*ended=*/true, "broken");
  EXPECT_EQ(types(events), (Types{kFailed, "error"}));
  EXPECT_EQ(events[0]["item_id"], "item_7");
}

TEST(RealtimeTeller, BetaClientsHaveTheirNameForAnItem) {
  Conversation beta(Dialect::kOpenAi, {}, {.beta = true});
  EXPECT_EQ(types(beta.hear(2, {}, /*ended=*/true)),
            (Types{kCommitted, "conversation.item.created", kCompleted}));
}

TEST(RealtimeTeller, LogprobsOfATurn) {
  Conversation openai(Dialect::kOpenAi, {}, {.logprobs = true});
  Transcript transcript;
  transcript.tokens = {{.id = 1, .frame = 10, .log_prob = -1}, {.id = 2, .frame = 20, .log_prob = -2}};
  transcript.words = {{.text = "One.", .start = 0.8, .end = 0.88, .first_token = 0, .last_token = 1},
                      {.text = "Two.", .start = 1.6, .end = 1.68, .first_token = 1, .last_token = 2}};
  Utterance one = spoken("One.", 0.8, 0.88);
  Utterance two = spoken("Two.", 1.6, 1.68);
  one.words = {transcript.words[0]};
  two.words = {transcript.words[1]};
  std::vector<json> events = openai.hear(1, {.finals = {one}}, false, "", transcript);
  EXPECT_EQ(events.back()["logprobs"],
            json::parse(R"([{"token": "One.", "logprob": -1.0, "bytes": [79, 110, 101, 46]}])"));
  openai.hear(1.2, {.finals = {}, .interim = two}, false, "", transcript);
  events = openai.hear(1.7, {.finals = {two}}, true, "", transcript);
  EXPECT_EQ(events.back()["transcript"], "Two.") << "the pause of 0.72 s ended the first";
  ASSERT_EQ(events.back()["logprobs"].size(), 1u);
  EXPECT_EQ(events.back()["logprobs"][0]["logprob"], -2);
}

TEST(RealtimeTeller, WordsOfCaptionsHaveTheirLanguage) {
  Conversation captions(Dialect::kCaptions);
  Utterance one = spoken("One two.", 1, 1.8);
  one.words = {{"One", 1, 1.4, 1, ""}, {"two.", 1.4, 1.8, 1, "de-DE"}};
  const json words = captions.hear(2, {.finals = {one}}).back()["words"];
  EXPECT_EQ(words[0]["language"], "en-US");
  EXPECT_EQ(words[1]["language"], "de-DE");
}

TEST(RealtimeTeller, CaptionsAreSentences) {
  Conversation captions(Dialect::kCaptions);
  std::vector<json> events = captions.hear(2, {.finals = {spoken("One.", 1, 1.8)}});
  EXPECT_EQ(types(events), (Types{kDelta, kCompleted}));
  EXPECT_EQ(events[1]["is_last_result"], false);
  events = captions.hear(2.1, {}, /*ended=*/true);
  EXPECT_EQ(types(events), Types{kCompleted});
  EXPECT_EQ(events[0]["is_last_result"], true);
  EXPECT_EQ(captions.closed(), close_code::kNormal);
}

TEST(RealtimeTeller, ADraftThatWasWrongIsTakenBack) {
  Conversation captions(Dialect::kCaptions);
  const auto hear = [&](std::optional<Utterance> open, std::optional<Utterance> interim) {
    const std::vector<json> events =
        captions.hear(1, {.open = std::move(open), .interim = std::move(interim), .interim_changed = true});
    EXPECT_EQ(types(events), Types{kDelta});
    return std::pair<json, json>(events.at(0)["text"], events.at(0)["delta"]);
  };
  using Told = std::pair<json, json>;  // text and delta: what is appended is never a draft
  EXPECT_EQ(hear({}, spoken("Once more", 0.5, 1)), Told("Once more", ""));
  EXPECT_EQ(hear(spoken("One", 0.5, 1), spoken("One more time", 0.5, 1)), Told("One more time", ""));
  EXPECT_EQ(hear(spoken("One two", 0.5, 1), spoken("One two", 0.5, 1)), Told("One two", "One"));
  EXPECT_EQ(hear({}, {}), Told("", ""));
}

}  // namespace
}  // namespace glossa::serve
