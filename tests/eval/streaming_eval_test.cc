#include "eval/streaming_eval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "audio/audio_file.h"
#include "support/golden.h"

namespace glossa::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A recogniser whose results can be worked out by hand: at 100 Hz a frame is 0.08 s, 8 samples; a chunk is
// four frames and needs one sample more than it covers; every sample of 1 is a word "w" in its frame.
class CountingStream : public Stream {
 public:
  explicit CountingStream(StreamOptions options) : options_(std::move(options)) {}
  void accept_waveform(std::span<const float> pcm) override {
    pcm_.insert(pcm_.end(), pcm.begin(), pcm.end());
  }
  void input_finished() override { finished_ = true; }
  bool is_ready() const override { return pcm_.size() > taken_ + 32 || (finished_ && taken_ < pcm_.size()); }
  const Transcript& transcript() const override { return transcript_; }
  Transcript drafted() const override { return transcript_; }
  void forget_closed() override {}
  std::vector<Alternative> alternatives() const override { return {}; }
  void set_target_lang(std::string_view) override {}
  void reset() override {}

  void step() {
    const std::size_t end = std::min(taken_ + 32, pcm_.size());
    for (; taken_ < end; ++taken_) {
      if (pcm_[taken_] != 1.0f) continue;
      const double frame = static_cast<double>(taken_ / 8);
      transcript_.words.push_back({.text = "w", .start = frame * 0.08, .end = (frame + 1) * 0.08});
      transcript_.text += transcript_.words.size() > 1 ? " w" : "w";
    }
    if (finished_ && taken_ == pcm_.size() && !transcript_.text.empty()) {
      transcript_.text += " <" + (options_.target_lang == "auto" ? "en-US" : options_.target_lang) + ">";
      transcript_.language = options_.target_lang == "auto" ? "en-US" : options_.target_lang;
    }
  }

 private:
  StreamOptions options_;
  std::vector<float> pcm_;
  std::size_t taken_ = 0;
  bool finished_ = false;
  Transcript transcript_;
};

class CountingRecognizer : public Recognizer {
 public:
  CountingRecognizer() {
    info_.sample_rate = 100;
    info_.frame_seconds = 0.08;
    info_.has_prompt = true;
    info_.att_contexts = {{56, 3}};
  }
  const ModelInfo& info() const override { return info_; }
  std::shared_ptr<const LanguageModel> load_language_model(const std::filesystem::path&) const override {
    return nullptr;
  }
  std::unique_ptr<Stream> create_stream(const StreamOptions& options) const override {
    if (options.target_lang == "xx-XX") throw Error(ErrorCode::kInvalidArgument, "no language xx-XX");
    if (options.att_context && options.att_context->left == 55)
      throw Error(ErrorCode::kInvalidArgument, "context");
    return std::make_unique<CountingStream>(options);
  }
  void decode(std::span<Stream* const> streams) const override {
    batches.push_back(streams.size());
    for (Stream* stream : streams) static_cast<CountingStream*>(stream)->step();
  }
  mutable std::vector<std::size_t> batches;

 private:
  ModelInfo info_;
};

// `chunks` chunks of silence with a word in each of those samples.
EvalUtterance utterance(const std::string& id, std::size_t chunks, const std::vector<std::size_t>& words,
                        const std::string& reference, const std::string& lang = "") {
  std::vector<float> samples(chunks * 32, 0.0f);
  for (const std::size_t word : words) samples[word] = 1.0f;
  return {.id = id, .read = [samples] { return samples; }, .reference = reference, .target_lang = lang};
}

TEST(EvaluateStreaming, FillsPlacesAsStreamsEnd) {
  const CountingRecognizer recognizer;
  const std::vector<EvalUtterance> utterances = {utterance("a", 3, {}, ""), utterance("b", 1, {}, ""),
                                                 utterance("c", 2, {}, ""), utterance("d", 1, {}, "")};
  std::vector<double> done;
  const auto results = evaluate_streaming(recognizer, utterances, {.batch_size = 2},
                                          [&](const EvalProgress& now) { done.push_back(now.seconds); });
  ASSERT_EQ(results.size(), 4u);
  // a takes three steps; beside it run b, then c for two; d is alone.
  EXPECT_THAT(recognizer.batches, ElementsAre(2, 2, 2, 1));
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_NEAR(done.back(), 7 * 0.32, 1e-9);
  EXPECT_EQ(results[2].id, "c");
  EXPECT_NEAR(results[0].seconds, 0.96, 1e-9);
}

TEST(EvaluateStreaming, ScoresAndTags) {
  const CountingRecognizer recognizer;
  const std::vector<EvalUtterance> utterances = {utterance("a", 2, {3, 20}, "W w. <de-DE>", "de-DE"),
                                                 utterance("b", 2, {}, "w"), utterance("c", 1, {0}, "")};
  const auto results = evaluate_streaming(recognizer, utterances, {}, nullptr);
  EXPECT_EQ(results[0].raw_hypothesis, "w w <de-DE>");
  EXPECT_EQ(results[0].hypothesis, "w w");
  EXPECT_EQ(results[0].language, "de-DE");
  EXPECT_EQ(results[0].prompt_lang, "de-DE");
  EXPECT_EQ(results[0].raw.edits(), 2);
  EXPECT_EQ(results[0].normalized.edits(), 0);
  EXPECT_FALSE(results[0].empty_output);
  EXPECT_TRUE(results[1].empty_output);
  EXPECT_EQ(results[1].prompt_lang, "auto");
  EXPECT_EQ(results[2].raw.insertions, 1);
  const auto told = evaluate_streaming(recognizer, utterances, {.target_lang = "auto"}, nullptr);
  EXPECT_EQ(told[0].language, "en-US");
}

// Words at sample 3 (frame 0, ends at 0.08 s) and 33 (frame 4, ends at 0.40 s). A chunk is decoded when 33
// samples are there, fed 8 at a time: the first with 40 samples, 0.40 s.
TEST(EvaluateStreaming, FinalWordLag) {
  const CountingRecognizer recognizer;
  const std::vector<EvalUtterance> utterances = {utterance("a", 3, {3}, "w"),
                                                 utterance("b", 3, {3, 33}, "w w"),
                                                 utterance("c", 1, {31}, "w"), utterance("d", 1, {}, "")};
  const auto results = evaluate_streaming(recognizer, utterances, {}, nullptr);
  EXPECT_NEAR(results[0].final_word_lag.value(), 0.40 - 0.08, 1e-9);
  EXPECT_NEAR(results[1].final_word_lag.value(), 0.72 - 0.40, 1e-9);  // the second with 72 samples
  EXPECT_NEAR(results[2].final_word_lag.value(), 0.0, 1e-9);          // the sound ends with the word
  EXPECT_FALSE(results[3].final_word_lag.has_value());
}

TEST(EvaluateStreaming, UnusableUtterancesDoNotEndTheWork) {
  const CountingRecognizer recognizer;
  std::vector<EvalUtterance> utterances = {utterance("a", 1, {0}, "w"), utterance("b", 1, {0}, "w", "xx-XX"),
                                           utterance("c", 1, {0}, "w")};
  utterances[0].read = []() -> std::vector<float> { throw Error(ErrorCode::kBadInput, "a: no such file"); };
  const auto results = evaluate_streaming(recognizer, utterances, {.batch_size = 1}, nullptr);
  EXPECT_EQ(results[0].error, "a: no such file");
  EXPECT_THAT(results[1].error, HasSubstr("xx-XX"));
  EXPECT_EQ(results[2].error, "");
  EXPECT_EQ(results[2].normalized.edits(), 0);
  const auto told = evaluate_streaming(recognizer, utterances, {.unknown_lang_is_auto = true}, nullptr);
  EXPECT_EQ(told[1].error, "");
  EXPECT_EQ(told[1].prompt_lang, "auto");
  EXPECT_EQ(told[1].target_lang, "xx-XX");
  utterances[0].read = []() -> std::vector<float> { throw Error(ErrorCode::kInternal, "broken"); };
  EXPECT_THROW(evaluate_streaming(recognizer, utterances, {}, nullptr), Error);
  // What no utterance could run with is an error at once.
  EXPECT_THROW(evaluate_streaming(recognizer, utterances, {.att_context = AttContext{55, 3}}, nullptr),
               Error);
}

// Oracle: a stream of its own for each utterance, through the public interface.
TEST(EvaluateStreaming, EqualsStreamsAlone) {
  const auto recognizer = Recognizer::load({.model = testing::golden_model_path("tiny")});
  std::vector<EvalUtterance> utterances;
  for (const char* name : {"en-US_0.wav", "es-ES_5.wav", "len1.wav", "de-DE_6.wav", "silence.wav"}) {
    utterances.push_back(
        {.id = name,
         .read = [name] { return audio::read_audio(testing::golden_dir() / "audio" / name, 16000).samples; },
         .reference = "x",
         .target_lang = ""});
  }
  const AttContext context{56, 1};
  const auto results =
      evaluate_streaming(*recognizer, utterances, {.att_context = context, .batch_size = 3}, nullptr);
  for (std::size_t index = 0; index < utterances.size(); ++index) {
    const auto stream = recognizer->create_stream({.att_context = context, .keep_lang_tags = true});
    stream->accept_waveform(utterances[index].read());
    stream->input_finished();
    Stream* ready[] = {stream.get()};
    while (stream->is_ready()) recognizer->decode(ready);
    EXPECT_EQ(results[index].raw_hypothesis, stream->transcript().text) << utterances[index].id;
    EXPECT_EQ(results[index].language, stream->transcript().language);
    if (!stream->transcript().words.empty()) {
      // A chunk of 160 ms, fed by 80 ms, and the front end's window: less than 320 ms in all.
      EXPECT_GE(results[index].final_word_lag.value(), 0.0);
      EXPECT_LT(results[index].final_word_lag.value(), 0.32);
    }
  }
}

}  // namespace
}  // namespace glossa::eval
