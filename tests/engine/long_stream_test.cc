// Three hours of sound through one stream: it closes, its memory stays flat, its times do not drift.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/test_streams.h"
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
  const auto folder = std::filesystem::temp_directory_path() / ("glossa_long_" + std::to_string(::getpid()));
  const auto recognizer =
      Recognizer::load({.model = write_tiny_model({.layers = 1, .d_model = 16, .blank_bias = 4.0}, folder)});
  const auto stream = recognizer->create_stream({.mode = StreamingMode::kOffline});
  const auto minute = wandering_noise(60 * 16000, 3);
  constexpr int kMinutes = 180;
  double after_ten = 0;
  for (int index = 0; index < kMinutes; ++index) {
    stream->accept_waveform(minute);
    decode_ready(*recognizer, *stream);
    if (index == 10) after_ten = resident_megabytes();
  }
  stream->input_finished();
  decode_ready(*recognizer, *stream);
  EXPECT_FALSE(stream->is_ready());
  const Transcript& transcript = stream->transcript();
  EXPECT_DOUBLE_EQ(transcript.duration, 60.0 * kMinutes);
  ASSERT_FALSE(transcript.tokens.empty());
  EXPECT_LT(transcript.tokens.back().frame, kMinutes * 750 + 1);
  EXPECT_GT(transcript.tokens.back().frame, (kMinutes - 1) * 750) << "the last minute repeats the first: it has labels";
  // What grows is the transcript alone: some hundred bytes per label.
  EXPECT_LT(resident_megabytes() - after_ten, 64 + 0.0005 * static_cast<double>(transcript.tokens.size()));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace glossa::testing
