// Many clients on one scheduler. Oracle: the engine alone, one stream at a time.
#include "serve/scheduler.h"
#include "serve/stream_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "audio/audio_file.h"
#include "engine/test_streams.h"
#include "support/golden.h"
#include "support/tiny_model.h"

namespace glossa::serve {
namespace {

namespace fs = std::filesystem;

class SchedulerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("scheduler_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    recognizer_ = Recognizer::load(
        {.model = glossa::testing::write_tiny_model({.blank_bias = 1.0}, folder_), .threads = 2});
  }
  static void TearDownTestSuite() {
    recognizer_.reset();
    fs::remove_all(folder_);
  }

  static std::string alone(const std::vector<float>& pcm, AttContext context) {
    const auto stream = recognizer_->create_stream({.att_context = context});
    return glossa::testing::run_whole(*recognizer_, *stream, pcm).text;
  }

  static fs::path folder_;
  static std::shared_ptr<const Recognizer> recognizer_;
  Metrics metrics_;
};

fs::path SchedulerTest::folder_;
std::shared_ptr<const Recognizer> SchedulerTest::recognizer_;

std::shared_ptr<const Recognizer> golden_recognizer(const std::string& name) {
  return Recognizer::load({.model = testing::golden_model_path(name), .threads = 2});
}

std::vector<float> golden_sound(const Recognizer& recognizer, const std::string& name) {
  return audio::read_audio(testing::golden_dir() / "audio" / name, recognizer.info().sample_rate).samples;
}

// A listener that waits for the end.
struct Heard {
  std::promise<void> ended;
  std::string text;
  std::string error;
  std::string finals;
  int updates = 0;

  Listener listener() {
    return [this](const SessionUpdate& update) {
      ++updates;
      for (const Utterance& utterance : update.utterances.finals)
        finals += (finals.empty() ? "" : " ") + utterance.text;
      if (!update.ended) return;
      text = update.transcript.text;
      error = update.error;
      ended.set_value();
    };
  }
  void wait() { ASSERT_EQ(ended.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready); }
};

TEST_F(SchedulerTest, EveryClientHearsWhatTheEngineAloneSays) {
  Scheduler scheduler(recognizer_, {.max_streams = 100}, metrics_);
  constexpr int kClients = 24;
  std::vector<Heard> heard(kClients);
  std::vector<std::string> expected;
  std::vector<std::thread> clients;
  const std::vector<AttContext>& contexts = recognizer_->info().att_contexts;
  for (int client = 0; client < kClients; ++client) {
    const auto number = static_cast<std::uint32_t>(client);
    const std::vector<float> pcm = glossa::testing::wandering_noise(16000 + 7001 * client, number);
    const AttContext context = contexts[number % contexts.size()];
    expected.push_back(alone(pcm, context));
    const Kind kind = client % 3 == 0 ? Kind::kFile : Kind::kLive;
    auto session =
        scheduler.open({.stream = {.att_context = context}, .kind = kind}, heard[number].listener());
    clients.emplace_back([session, pcm, number] {
      std::mt19937 random(number);
      for (std::size_t at = 0; at < pcm.size();) {
        const std::size_t count = std::min<std::size_t>(pcm.size() - at, 1 + random() % 30000);
        session->push({pcm.begin() + static_cast<std::ptrdiff_t>(at),
                       pcm.begin() + static_cast<std::ptrdiff_t>(at + count)});
        at += count;
        std::this_thread::yield();
      }
      session->finish();
    });
  }
  for (std::thread& client : clients) client.join();
  for (std::size_t client = 0; client < kClients; ++client) {
    SCOPED_TRACE(client);
    heard[client].wait();
    EXPECT_EQ(heard[client].text, expected[client]);
    EXPECT_EQ(heard[client].error, "");
  }
  EXPECT_FALSE(
      std::all_of(expected.begin(), expected.end(), [](const std::string& text) { return text.empty(); }));
}

TEST_F(SchedulerTest, WhatTheOperatorChoseHoldsForEveryStream) {
  const std::vector<float> pcm = glossa::testing::wandering_noise(50000, 5);
  const auto expected = [&](const StreamOptions& options) {
    const auto stream = recognizer_->create_stream(options);
    return glossa::testing::run_whole(*recognizer_, *stream, pcm).text;
  };
  const std::string chosen = expected({.target_lang = "de-DE", .final_silence = 2});
  ASSERT_NE(chosen, expected({.target_lang = "de-DE"}));
  ASSERT_NE(chosen, expected({.final_silence = 2}));
  Scheduler scheduler(recognizer_, {.streams = {.target_lang = "de-DE", .final_silence = 2}}, metrics_);
  const auto heard = [&](const StreamOptions& options, const char* later) {
    Heard client;
    const auto session = scheduler.open({.stream = options}, client.listener());
    if (later != nullptr) session->set_target_lang(later);
    session->push(pcm);
    session->finish();
    client.wait();
    return client.text;
  };
  EXPECT_EQ(heard({}, nullptr), chosen);
  EXPECT_EQ(heard({.target_lang = "en-US"}, "auto"), chosen);
  EXPECT_EQ(heard({.target_lang = "en-US"}, nullptr), expected({.target_lang = "en-US", .final_silence = 2}));
}

// Live streams do not wait for hypotheses that do not agree; uploads do.
TEST_F(SchedulerTest, BeamSearchIsWhatTheEngineAloneFinds) {
  const auto recognizer = golden_recognizer("tiny");
  const std::vector<float> pcm = golden_sound(*recognizer, "en-US_0.wav");
  const AttContext fastest{56, 0};
  const auto expected = [&](std::optional<double> delay) {
    const auto stream =
        recognizer->create_stream({.att_context = fastest, .beam_size = 4, .settle_delay = delay});
    return glossa::testing::run_whole(*recognizer, *stream, pcm).text;
  };
  const std::string patient = expected(std::nullopt);
  const std::string hasty = expected(0);
  ASSERT_NE(patient, hasty);
  Scheduler scheduler(recognizer, {.streams = {.beam_size = 4, .settle_delay = 0}}, metrics_);
  for (const Kind kind : {Kind::kLive, Kind::kFile}) {
    for (const bool takes_drafts : {false, true}) {
      Heard heard;
      const auto session = scheduler.open(
          {.stream = {.att_context = fastest}, .kind = kind, .takes_drafts = takes_drafts}, heard.listener());
      session->push(pcm);
      session->finish();
      heard.wait();
      EXPECT_EQ(heard.text, kind == Kind::kLive ? hasty : patient);
    }
  }
}

// Of the engine's hypotheses at the end, and at a flush alike. Oracle: what they have that the transcript has
// not.
TEST_F(SchedulerTest, AlternativesComeWithTheLastUtterances) {
  const auto recognizer = golden_recognizer("small");
  const std::vector<float> pcm = golden_sound(*recognizer, "en-US_0.wav");
  const auto stream = recognizer->create_stream({.beam_size = 4});
  glossa::testing::run_whole(*recognizer, *stream, pcm);
  ASSERT_EQ(stream->transcript().sentences.size(), 1u);
  std::vector<std::string> expected;
  for (const Alternative& hypothesis : stream->alternatives()) expected.push_back(hypothesis.text);
  ASSERT_GT(std::set<std::string>(expected.begin(), expected.end()).size(), 2u);
  Scheduler scheduler(recognizer, {.streams = {.beam_size = 4, .settle_delay = kMostSettleDelay}}, metrics_);
  for (const bool takes_alternatives : {false, true}) {
    Heard heard;
    std::vector<Utterance> finals;
    const auto session = scheduler.open({.takes_alternatives = takes_alternatives},
                                        [&, listener = heard.listener()](const SessionUpdate& update) {
                                          const std::vector<Utterance>& told = update.utterances.finals;
                                          finals.insert(finals.end(), told.begin(), told.end());
                                          listener(update);
                                        });
    session->push(pcm);
    session->flush();
    session->push(pcm);
    session->finish();
    heard.wait();
    ASSERT_EQ(finals.size(), 2u);
    for (const Utterance& utterance : finals) {
      std::vector<std::string> texts = {utterance.text};
      texts.insert(texts.end(), utterance.alternatives.begin(), utterance.alternatives.end());
      if (takes_alternatives) {
        EXPECT_EQ(texts, expected);
      } else {
        EXPECT_EQ(texts.size(), 1u);
      }
    }
  }
}

// Who is told that all was listened to is told the end with it: a turn that ends there ends once.
TEST_F(SchedulerTest, TheSilenceBehindTheSoundHasNoUpdatesOfItsOwn) {
  const std::vector<float> pcm = glossa::testing::wandering_noise(50000, 5);  // no whole number of frames
  Scheduler scheduler(recognizer_, {.streams = {.final_silence = 2}}, metrics_);
  for (const bool flushes : {false, true}) {
    std::promise<void> over;
    int before = 0;
    int at_the_end = 0;
    const auto session =
        scheduler.open({.stream = {.att_context = AttContext{56, 0}}}, [&](const SessionUpdate& update) {
          const bool is_last = flushes ? update.flushed : update.ended;
          // Of what was pushed: what was given to the stream so far may be decoded, to the end of a frame.
          const bool heard_all = update.transcript.decoded >= static_cast<double>(pcm.size()) / 16000;
          (heard_all ? at_the_end : before) += update.transcript.duration > 0 ? 1 : 0;
          if (is_last) over.set_value();
        });
    session->push(pcm);
    flushes ? session->flush() : session->finish();
    ASSERT_EQ(over.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
    session->cancel();
    EXPECT_GT(before, 0);
    EXPECT_EQ(at_the_end, 1);
  }
}

TEST_F(SchedulerTest, AnEmptyStreamEnds) {
  Scheduler scheduler(recognizer_, {}, metrics_);
  Heard heard;
  scheduler.open({}, heard.listener())->finish();
  heard.wait();
  EXPECT_EQ(heard.text, "");
}

TEST_F(SchedulerTest, ACancelledClientHearsNothingMore) {
  Scheduler scheduler(recognizer_, {}, metrics_);
  std::atomic<int> updates = 0;
  auto session = scheduler.open({}, [&](const SessionUpdate&) { ++updates; });
  session->push(glossa::testing::wandering_noise(160000, 1));
  session->cancel();
  const int before = updates;
  session->push(glossa::testing::wandering_noise(16000, 1));
  session->finish();
  Heard other;
  auto next = scheduler.open({}, other.listener());
  next->push(glossa::testing::wandering_noise(32000, 2));
  next->finish();
  other.wait();
  EXPECT_EQ(updates, before);
  while (scheduler.open_sessions() > 0) std::this_thread::yield();
}

TEST_F(SchedulerTest, RefusesWhatItCannotCarryAndForgetsWhatHasEnded) {
  Scheduler scheduler(recognizer_, {.max_streams = 2, .max_files = 1}, metrics_);
  Heard first;
  auto one = scheduler.open({}, first.listener());
  auto two = scheduler.open({}, [](const SessionUpdate&) {});
  EXPECT_THROW(scheduler.open({}, [](const SessionUpdate&) {}), Overloaded);
  auto file = scheduler.open({.kind = Kind::kFile}, [](const SessionUpdate&) {});
  EXPECT_THROW(scheduler.open({.kind = Kind::kFile}, [](const SessionUpdate&) {}), Overloaded);
  one->finish();
  first.wait();
  while (scheduler.open_sessions() > 2) std::this_thread::yield();
  EXPECT_NO_THROW(scheduler.open({}, [](const SessionUpdate&) {})->cancel());
  scheduler.drain();
  EXPECT_THROW(scheduler.open({}, [](const SessionUpdate&) {}), Overloaded);
  EXPECT_NE(metrics_.text().find("glossa_refused_total 3"), std::string::npos) << metrics_.text();
}

TEST_F(SchedulerTest, APlaceOfAnUploadIsKeptWhileItsSoundIsDecoded) {
  Scheduler scheduler(recognizer_, {.max_files = 1}, metrics_);
  {
    const auto unused = scheduler.take_file_place();
    EXPECT_EQ(scheduler.open_sessions(), 1);
    EXPECT_THROW(scheduler.take_file_place(), Overloaded);
    EXPECT_THROW(scheduler.open({.kind = Kind::kFile}, Heard().listener()), Overloaded);
  }
  const auto place = scheduler.take_file_place();
  scheduler.drain();
  EXPECT_EQ(scheduler.open_sessions(), 1) << "who drains waits for it";
  EXPECT_THROW(scheduler.open({.stream = {.att_context = AttContext{55, 3}}, .kind = Kind::kFile},
                              Heard().listener(), *place),
               Error);
  // As many sessions as its sound has channels.
  std::array<Heard, 2> heard;
  std::vector<std::shared_ptr<Session>> sessions;
  for (Heard& channel : heard)
    sessions.push_back(scheduler.open({.kind = Kind::kFile}, channel.listener(), *place));
  EXPECT_EQ(scheduler.open_sessions(), 2);
  for (std::size_t channel = 0; channel < heard.size(); ++channel) {
    sessions[channel]->push(std::vector<float>(16000));
    sessions[channel]->finish();
    heard[channel].wait();
    EXPECT_EQ(heard[channel].error, "");
  }
  while (scheduler.open_sessions() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(scheduler.file_backlog(), 0);
}

TEST_F(SchedulerTest, SaysWhyAStreamCannotBe) {
  Scheduler scheduler(recognizer_, {.longest_seconds = 1}, metrics_);
  EXPECT_THROW(scheduler.open({.stream = {.target_lang = "xx-XX"}}, [](const SessionUpdate&) {}), Error);
  EXPECT_THROW(scheduler.open({.stream = {.att_context = AttContext{7, 2}}}, [](const SessionUpdate&) {}),
               Error);
  Heard heard;
  auto session = scheduler.open({}, heard.listener());
  session->push(glossa::testing::wandering_noise(40000, 1));
  heard.wait();
  EXPECT_EQ(heard.error, "the stream is longer than 1 s");
}

// Nothing that was heard is lost. Oracle: the engine alone, whose best hypothesis it is.
TEST_F(SchedulerTest, AStreamThatIsBrokenOffHasWhatItHadNotSettled) {
  const auto recognizer = golden_recognizer("tiny");
  const std::vector<float> pcm = golden_sound(*recognizer, "en-US_0.wav");
  const StreamOptions options = {.att_context = AttContext{56, 0}, .beam_size = 4, .settle_delay = 60};
  const auto alone = recognizer->create_stream(options);
  std::set<std::string> drafts;  // while they are more than what is settled
  std::set<std::string> settled;
  for (std::size_t at = 0; at + 320 <= 16000; at += 320) {
    alone->accept_waveform(std::span(pcm).subspan(at, 320));
    Stream* stream[] = {alone.get()};
    while (alone->is_ready()) recognizer->decode(stream);
    if (const Transcript drafted = alone->drafted(); drafted.text != alone->transcript().text)
      drafts.insert(drafted.text);
    settled.insert(alone->transcript().text);
  }
  Scheduler scheduler(recognizer, {.longest_seconds = 1, .streams = {.beam_size = 4, .settle_delay = 60}},
                      metrics_);
  Heard heard;
  const auto session = scheduler.open({.stream = {.att_context = AttContext{56, 0}}}, heard.listener());
  session->push({pcm.begin(), pcm.begin() + 15000});
  while (session->backlog() > 0.1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  session->push({pcm.begin() + 15000, pcm.end()});
  heard.wait();
  EXPECT_EQ(heard.error, "the stream is longer than 1 s");
  EXPECT_TRUE(drafts.contains(heard.text)) << heard.text << " of " << ::testing::PrintToString(drafts);
  EXPECT_FALSE(settled.contains(heard.text)) << heard.text << " of " << ::testing::PrintToString(settled);
  EXPECT_EQ(heard.finals, heard.text);
}

TEST_F(SchedulerTest, OpenSessionsAreToldWhenItEnds) {
  Heard heard;
  {
    Scheduler scheduler(recognizer_, {}, metrics_);
    scheduler.open({}, heard.listener())->push(glossa::testing::wandering_noise(16000, 1));
  }
  heard.wait();
  EXPECT_EQ(heard.error, "the server is shutting down");
}

TEST_F(SchedulerTest, FinalsAreTheSameWithoutTheTranscript) {
  Scheduler scheduler(recognizer_, {.max_streams = 2}, metrics_);
  // The random model writes commas alone, and boosted, words and a tag behind them.
  StreamOptions options{.att_context = AttContext{56, 0}};
  options.boosted_phrases = {{", the, the<el-GR>", kMostBoost}};
  Heard whole;
  Heard rest;
  std::size_t words = 0;
  std::size_t boosted = 0;
  for (const bool keeps : {true, false}) {
    Heard& heard = keeps ? whole : rest;
    const auto session = scheduler.open(
        {.stream = options, .keeps_transcript = keeps},
        [&, listener = heard.listener()](const SessionUpdate& update) {
          const Transcript& transcript = update.transcript;
          const auto is_boosted = [&](const Word& word) {
            return std::any_of(transcript.tokens.begin() + static_cast<std::ptrdiff_t>(word.first_token),
                               transcript.tokens.begin() + static_cast<std::ptrdiff_t>(word.last_token),
                               [](const Token& token) { return token.boosted; });
          };
          if (keeps && update.ended) {
            words = transcript.words.size();
            boosted = static_cast<std::size_t>(
                std::count_if(transcript.words.begin(), transcript.words.end(), is_boosted));
          }
          listener(update);
        });
    session->push(glossa::testing::wandering_noise(16000 * 30, 8));
    session->finish();
    heard.wait();
  }
  EXPECT_EQ(rest.finals, whole.finals);
  EXPECT_LT(rest.text.size(), whole.text.size() / 2);
  EXPECT_TRUE(whole.text.ends_with(rest.text));
  // Of both streams, once they have come to the metrics: an ended stream does a moment later.
  EXPECT_GT(boosted, 0u);
  EXPECT_LT(boosted, words);
  const auto has = [&](const std::string& line) {
    return metrics_.text().find("\n" + line + "\n") != std::string::npos;
  };
  for (int tries = 0; tries < 1000 && !has("glossa_streams_total{outcome=\"ok\"} 2"); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(has("glossa_words_total " + std::to_string(2 * words))) << words << metrics_.text();
  EXPECT_TRUE(has("glossa_boosted_words_total " + std::to_string(2 * boosted))) << boosted << metrics_.text();
}

TEST_F(SchedulerTest, AFlushIsTheEndOfAnUtteranceAndNotOfTheStream) {
  Scheduler scheduler(recognizer_, {}, metrics_);
  const std::vector<float> first = glossa::testing::wandering_noise(50'001, 3);
  const std::vector<float> second = glossa::testing::wandering_noise(40'000, 4);
  for (const AttContext context : recognizer_->info().att_contexts) {
    SCOPED_TRACE(context.right);
    Heard heard;
    std::vector<std::string> flushed;
    std::vector<double> began;
    double last_start = 0;
    auto session =
        scheduler.open({.stream = {.att_context = context}, .silence = 0},
                       [&, listener = heard.listener()](const SessionUpdate& update) {
                         if (update.flushed) flushed.push_back(update.transcript.text);
                         if (update.flushed) began.push_back(update.began);
                         for (const auto* part : {&update.utterances.open, &update.utterances.interim}) {
                           if (*part) {
                             EXPECT_GE((*part)->start, update.began);
                           }
                         }
                         for (const Utterance& utterance : update.utterances.finals) {
                           EXPECT_GE(utterance.start, update.began);
                           EXPECT_GE(utterance.start, last_start);
                           last_start = utterance.start;
                         }
                         listener(update);
                       });
    session->flush();  // of nothing
    session->push(first);
    session->flush();
    session->push(second);
    session->finish();
    session->flush();  // of what has ended
    heard.wait();
    EXPECT_EQ(flushed, (std::vector<std::string>{"", alone(first, context)}));
    EXPECT_EQ(began, (std::vector<double>{0, 0}));
    EXPECT_EQ(heard.text, alone(second, context));
    EXPECT_FALSE(heard.text.empty());
    EXPECT_EQ(session->backlog(), 0);
  }
}

// What a client of recorded speech is told, slice after slice, with the middle flushed.
struct WhatWasTold {
  std::string finals;
  std::string text;          // of what came behind the flush
  double first_interim = 0;  // seconds of sound
  std::size_t interims = 0;  // different ones
};

WhatWasTold converse(Scheduler& scheduler, const std::vector<float>& pcm, bool takes_drafts) {
  Heard heard;
  WhatWasTold told;
  double pushed = 0;
  std::mutex mutex;
  const auto session = scheduler.open({.stream = {.att_context = AttContext{56, 13}},
                                       .keeps_transcript = false,
                                       .takes_drafts = takes_drafts},
                                      [&, listener = heard.listener()](const SessionUpdate& update) {
                                        if (update.utterances.interim && update.utterances.interim_changed) {
                                          const std::lock_guard lock(mutex);
                                          if (told.interims++ == 0) told.first_interim = pushed;
                                        }
                                        listener(update);
                                      });
  constexpr std::size_t kSlice = 1600;
  for (std::size_t at = 0; at < pcm.size(); at += kSlice) {
    if (at == 80 * kSlice) session->flush();
    const auto begin = pcm.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kSlice, pcm.size() - at);
    {
      const std::lock_guard lock(mutex);
      pushed += static_cast<double>(count) / 16000;
    }
    session->push({begin, begin + static_cast<std::ptrdiff_t>(count)});
    // As if it were live: at most a chunk and what the front end wants wait.
    const double most = takes_drafts ? 0.25 : 1.25;
    for (int wait = 0; wait < 1000 && session->backlog() > most; ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  session->finish();
  heard.wait();
  EXPECT_EQ(heard.error, "");
  told.finals = heard.finals;
  told.text = heard.text;
  return told;
}

TEST_F(SchedulerTest, DraftsComeSoonerAndChangeNothingThatIsFinal) {
  const auto recognizer = golden_recognizer("tiny");
  const std::vector<float> pcm = golden_sound(*recognizer, "long.wav");
  for (const int beam_size : {1, 4}) {
    Scheduler scheduler(
        recognizer, {.streams = {.beam_size = beam_size, .draft_att_context = AttContext{56, 0}}}, metrics_);
    const WhatWasTold plain = converse(scheduler, pcm, /*takes_drafts=*/false);
    const WhatWasTold drafted = converse(scheduler, pcm, /*takes_drafts=*/true);
    EXPECT_FALSE(plain.finals.empty());
    EXPECT_EQ(drafted.finals, plain.finals);
    EXPECT_EQ(drafted.text, plain.text);
    EXPECT_GT(drafted.interims, 2 * plain.interims);
    EXPECT_LT(drafted.first_interim, plain.first_interim);
  }
}

TEST_F(SchedulerTest, WhatSettlesKeepsPaceWithTheDraftOfAClientThatIsAhead) {
  // The first stream may still be counted when the second one is opened, however slow the machine is.
  const SchedulerOptions options{.max_streams = 2, .streams = {.draft_att_context = AttContext{56, 0}}};
  Scheduler scheduler(recognizer_, options, metrics_);
  const std::vector<float> pcm = glossa::testing::wandering_noise(16000 * 60, 2);
  for (const AttContext context : {AttContext{56, 6}, AttContext{56, 13}}) {
    Heard heard;
    double behind = 0;  // seconds
    std::atomic<Session*> opened = nullptr;
    const auto session = scheduler.open({.stream = {.att_context = context}, .takes_drafts = true},
                                        [&, listener = heard.listener()](const SessionUpdate& update) {
                                          const double drafted = 60 - opened.load()->backlog();
                                          if (!update.ended)
                                            behind = std::max(behind, drafted - update.transcript.decoded);
                                          listener(update);
                                        });
    opened = session.get();
    session->push(pcm);
    session->finish();
    heard.wait();
    EXPECT_GT(behind, 0.07);
    EXPECT_LT(behind, context.chunk_frames() * 0.08 + 0.3);
  }
}

TEST(Load, OnlyLiveStreamsOfClientsThatTakeDraftsHaveTwoSearches) {
  ModelInfo model;
  model.att_contexts = {{56, 13}, {56, 0}};
  const StreamDefaults defaults{.draft_att_context = AttContext{56, 0}};
  const auto asked = [&](const SessionOptions& options, const StreamDefaults& chosen) {
    const Load load = load_of(options, chosen, model);
    return std::pair(load.chunk_frames, load.searches);
  };
  EXPECT_EQ(asked({.takes_drafts = true}, defaults), std::pair(1, 2));
  EXPECT_EQ(asked({.takes_drafts = true}, {}), std::pair(14, 1));
  EXPECT_EQ(asked({.takes_drafts = false}, defaults), std::pair(14, 1));
  EXPECT_EQ(asked({.kind = Kind::kFile, .takes_drafts = true}, defaults), std::pair(14, 1));
  EXPECT_EQ(asked({.stream = {.att_context = AttContext{56, 0}}, .takes_drafts = true}, defaults),
            std::pair(1, 1));
}

TEST_F(SchedulerTest, AnEndedStreamIsForgottenOnce) {
  Scheduler scheduler(recognizer_, {.max_streams = 1}, metrics_);
  const auto hear = [&](const std::shared_ptr<Session>& session, Heard& heard) {
    session->push(glossa::testing::wandering_noise(16000, 1));
    session->finish();
    heard.wait();
  };
  Heard first;
  Heard second;
  const auto ended = scheduler.open({}, first.listener());
  hear(ended, first);
  ended->finish();  // a client that does not know yet
  ended->cancel();
  while (scheduler.open_sessions() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto session = scheduler.open({}, second.listener());
  EXPECT_THROW(scheduler.open({}, [](const SessionUpdate&) {}), Overloaded);
  hear(session, second);  // by now what came late was dealt with
  ended->cancel();
  while (scheduler.open_sessions() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto third = scheduler.open({}, [](const SessionUpdate&) {});
  EXPECT_THROW(scheduler.open({}, [](const SessionUpdate&) {}), Overloaded);
  third->cancel();
}

TEST(StepTime, IsALineInTheFrames) {
  const StepTime time{.fixed = 0.01, .per_frame = 0.002};
  EXPECT_EQ(time.frames_within(0.02), 5);
  EXPECT_EQ(time.frames_within(0.005), 0);
  // 12.5 frames a second of each of 10 streams take 0.25 s; a step every 0.08 s costs 0.125 of the machine.
  EXPECT_EQ(most_streams(time, 0.08, 0.08, 0.3751), 10);
  EXPECT_EQ(most_streams(time, 0.08, 0.08, 0.3749), 9);
  EXPECT_EQ(most_streams(time, 0.08, 0.08, 0.1), 0);
}

TEST(StepTimeCorrection, FollowsWhatIsObserved) {
  StepTimeCorrection correction;
  EXPECT_DOUBLE_EQ(correction.factor(), 1);
  for (int step = 0; step < 1000; ++step) correction.observe(0.01, 0.02);
  EXPECT_NEAR(correction.factor(), 2, 1e-3);
  correction.observe(0.01, 1);  // the machine was away
  EXPECT_LT(correction.factor(), 2.2);
  for (int step = 0; step < 1000; ++step) correction.observe(0.01, 0.005);
  EXPECT_NEAR(correction.factor(), 0.5, 0.2);
}

TEST(StepTimeCorrection, RemembersTheWorstForAWhile) {
  StepTimeCorrection correction;
  for (int step = 0; step < 1000; ++step) correction.observe(0.01, 0.02);
  EXPECT_NEAR(correction.worst(), 2, 1e-3);
  for (int step = 0; step < 200; ++step) correction.observe(0.01, 0.01);  // two seconds
  EXPECT_LT(correction.factor(), 1.3);
  EXPECT_GT(correction.worst(), 1.7);
  for (int step = 0; step < 5000; ++step) correction.observe(0.01, 0.01);
  EXPECT_NEAR(correction.worst(), 1, 0.02);
}

}  // namespace
}  // namespace glossa::serve
