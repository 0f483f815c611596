// Three hours of sound through one stream: it closes, its memory stays flat, its times do not drift.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "audio/audio_file.h"
#include "engine/test_streams.h"
#include "support/golden.h"

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
  const auto recognizer = Recognizer::load({.model = golden_dir() / "models" / "tiny.nemo"});
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

}  // namespace
}  // namespace glossa::testing
