// Three hours of sound through one stream: it closes, its memory stays flat, its times do not drift.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "audio/audio_file.h"
#include "engine/test_streams.h"
#include "support/golden.h"
#include "support/tiny_model.h"

namespace glossa::testing {
namespace {

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

TEST(LongStream, ThreeHoursCloseInFlatMemory) {
  const auto recognizer = Recognizer::load({.model = golden_model_path("tiny")});
  const auto stream = recognizer->create_stream({.mode = StreamingMode::kOffline});
  const auto clip =
      audio::read_audio(golden_dir() / "audio" / "long.wav", 16000).samples;  // twelve seconds of speech
  const double clip_seconds = static_cast<double>(clip.size()) / 16000;
  const int repeats = static_cast<int>(3 * 3600 / clip_seconds) + 1;
  double early = 0;
  for (int index = 0; index < repeats; ++index) {
    stream->accept_waveform(clip);
    decode_ready(*recognizer, *stream);
    if (index == 50) early = resident_megabytes();
  }
  stream->input_finished();
  decode_ready(*recognizer, *stream);
  EXPECT_FALSE(stream->is_ready());
  const Transcript& transcript = stream->transcript();
  EXPECT_DOUBLE_EQ(transcript.duration, clip_seconds * repeats);
  // The barely fitted model is silent for minutes at a time, but in no tenth of the stream, and stamps
  // nothing outside.
  std::vector<int> labels(10);
  for (const Token& token : transcript.tokens) {
    const double part = token.frame * 0.08 / transcript.duration * 10;
    ASSERT_LT(part, 10.0);
    ++labels[static_cast<std::size_t>(part)];
  }
  EXPECT_GT(*std::min_element(labels.begin(), labels.end()), 0);
  // What grows is the transcript alone: some hundred bytes per label.
  EXPECT_LT(resident_megabytes() - early, 64 + 0.0005 * static_cast<double>(transcript.tokens.size()));
}

// The width of the released model with two of its layers: what a stream costs beside its keys and values,
// offline, too.
TEST(StreamMemory, StaysBelowTwentyMegabytesPerStream) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("glossa_memory_" + std::to_string(::getpid()));
  const auto recognizer = Recognizer::load(
      {.model = write_tiny_model(
           {.d_model = 1024, .heads = 8, .mels = 128, .channels = 256, .conv_kernel = 9}, folder)});
  const auto pcm = wandering_noise(10 * 16000, 1);
  constexpr int kStreams = 8;
  for (const StreamingMode mode : {StreamingMode::kExact, StreamingMode::kOffline}) {
    const auto warm_up = recognizer->create_stream({.att_context = AttContext{56, 0}});
    run_whole(*recognizer, *warm_up, pcm);  // maps the weights
    const double before = resident_megabytes();
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<Stream*> batch;
    for (int index = 0; index < kStreams; ++index) {
      streams.push_back(recognizer->create_stream({.att_context = AttContext{56, 13}, .mode = mode}));
      streams.back()->accept_waveform(pcm);
      batch.push_back(streams.back().get());
    }
    while (batch.front()->is_ready()) recognizer->decode(batch);
    EXPECT_LT(resident_megabytes() - before, 20.0 * kStreams);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace glossa::testing
