#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "cli/interrupt.h"
#include "cli/locale_tiers.h"
#include "cli/model_report.h"
#include "cli/mpeg_frame.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/stdin_audio.h"
#include "cli/wav_header.h"

namespace glossa::cli {
namespace {

TEST(Npy, HeaderIsAlignedAndLiteral) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{7}, std::int64_t{1} << 62}) {
    const std::string header = npy_header(rows, 1024);
    EXPECT_EQ(header.size(), 128u);
    EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
    EXPECT_EQ(header[8], 118);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_THAT(header, ::testing::HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                                             std::to_string(rows) + ", 1024), }"));
  }
}

TEST(LocaleTiers, AsTheModelCardSays) {
  EXPECT_EQ(locale_tier("en-US"), "transcription-ready");
  EXPECT_EQ(locale_tier("pl-PL"), "broad-coverage");
  EXPECT_EQ(locale_tier("el-GR"), "adaptation-ready");
  EXPECT_EQ(locale_tier("zh-TW"), "");
  EXPECT_EQ(locale_tier("auto"), "");
}

TEST(Ranges, JoinNeighbours) {
  EXPECT_EQ(ranges({}), "");
  EXPECT_EQ(ranges({5}), "5");
  EXPECT_EQ(ranges({1, 2, 3, 7, 9, 10}), "1-3, 7, 9-10");
}

TEST(ClockTime, MinutesAndHours) {
  EXPECT_EQ(clock_time(0), "0:00");
  EXPECT_EQ(clock_time(59.6), "1:00");
  EXPECT_EQ(clock_time(3725), "1:02:05");
  EXPECT_EQ(clock_time(-3), "0:00");
}

TEST(PcmFormats, ByName) {
  EXPECT_EQ(parse_pcm_format("s16le"), PcmFormat::kS16Le);
  EXPECT_EQ(parse_pcm_format("f32le"), PcmFormat::kF32Le);
  EXPECT_THROW(parse_pcm_format("mp3"), Error);
}

TEST(Kernels, EveryCellIsFilled) {
  const auto kernels = chosen_kernels();
  EXPECT_FALSE(kernels.empty());
  for (const auto& [operation, chosen] : kernels) EXPECT_FALSE(operation.empty() || chosen.empty());
}

std::vector<std::byte> wav_bytes(std::uint16_t encoding, std::uint16_t channels, std::uint16_t bits,
                                 bool with_list_chunk, std::uint32_t data_bytes = 1234) {
  std::string wav = "RIFF????WAVE";
  const auto append = [&](auto number) {
    wav.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  if (with_list_chunk) {
    wav += "LIST";
    append(std::uint32_t{3});
    wav += "abc?";  // odd sizes are padded
  }
  wav += "fmt ";
  append(std::uint32_t{16});
  append(encoding);
  append(channels);
  append(std::uint32_t{8000});
  append(std::uint32_t{0});
  append(std::uint16_t{0});
  append(bits);
  wav += "data";
  append(data_bytes);
  const auto* bytes = reinterpret_cast<const std::byte*>(wav.data());
  return {bytes, bytes + wav.size()};
}

TEST(WavHeader, IsReadFromEveryPrefix) {
  for (const bool with_list_chunk : {false, true}) {
    const auto wav = wav_bytes(1, 2, 16, with_list_chunk);
    for (std::size_t size = 0; size < wav.size(); ++size) {
      EXPECT_EQ(parse_wav_header(std::span(wav).first(size)).state, WavHeader::State::kNeedsMore) << size;
    }
    const WavHeader header = parse_wav_header(wav);
    EXPECT_EQ(header.state, WavHeader::State::kPcm);
    EXPECT_EQ(header.channels, 2);
    EXPECT_EQ(header.rate, 8000);
    EXPECT_FALSE(header.is_float);
    EXPECT_EQ(header.size, wav.size());
    EXPECT_EQ(header.data_bytes, 1234u);
  }
}

TEST(WavHeader, WhatProgramsWriteIntoAPipeIsNoSize) {
  for (const std::uint32_t size : {0u, 0x7fff0000u, 0x7ffff000u, 0xffffffffu})
    EXPECT_EQ(parse_wav_header(wav_bytes(1, 1, 16, false, size)).data_bytes, 0u) << size;
}

TEST(WavHeader, OtherEncodingsAreForADecoder) {
  EXPECT_TRUE(parse_wav_header(wav_bytes(3, 1, 32, false)).is_float);
  EXPECT_EQ(parse_wav_header(wav_bytes(1, 1, 24, false)).state, WavHeader::State::kOther);
  EXPECT_EQ(parse_wav_header(wav_bytes(7, 1, 8, false)).state, WavHeader::State::kOther);
  EXPECT_EQ(parse_wav_header(wav_bytes(1, 0, 16, false)).state, WavHeader::State::kOther);
  const std::vector<std::byte> noise(100, std::byte{7});
  EXPECT_EQ(parse_wav_header(noise).state, WavHeader::State::kOther);
}

// Lengths by the standards: 144 (layer 3 of MPEG 2 and 2.5: 72) times bit rate by sample rate, padded.
TEST(MpegFrame, TellsItsLength) {
  const auto length = [](std::vector<int> header) {
    std::vector<std::byte> bytes;
    for (const int byte : header) bytes.push_back(static_cast<std::byte>(byte));
    return mpeg_frame_bytes(bytes);
  };
  EXPECT_EQ(length({0xff, 0xfb, 0x90, 0x64, 0, 0, 0}), 417u);          // 128 kbit/s, 44.1 kHz
  EXPECT_EQ(length({0xff, 0xfa, 0x92, 0x64, 0, 0, 0}), 418u);          // padded, with a checksum
  EXPECT_EQ(length({0xff, 0xf3, 0x48, 0xc4, 0, 0, 0}), 144u);          // MPEG 2: 32 kbit/s, 16 kHz
  EXPECT_EQ(length({0xff, 0xe3, 0x48, 0xc4, 0, 0, 0}), 288u);          // MPEG 2.5: 32 kbit/s, 8 kHz
  EXPECT_EQ(length({0xff, 0xfd, 0xc4, 0, 0, 0, 0}), 768u);             // layer 2: 256 kbit/s, 48 kHz
  EXPECT_EQ(length({0xff, 0xff, 0xc0, 0, 0, 0, 0}), 416u);             // layer 1: 384 kbit/s, 44.1 kHz
  EXPECT_EQ(length({0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc}), 16u);  // ADTS
  for (const std::vector<int>& none : std::vector<std::vector<int>>{{0xff, 0xfb, 0x90},
                                                                    {0xff, 0xfb, 0xf0, 0x64, 0, 0, 0},
                                                                    {0xff, 0xfb, 0x9c, 0x64, 0, 0, 0},
                                                                    {0xff, 0xfb, 0x00, 0x64, 0, 0, 0},
                                                                    {0xff, 0xeb, 0x90, 0x64, 0, 0, 0},
                                                                    {0xff, 0x7b, 0x90, 0x64, 0, 0, 0},
                                                                    {0xff, 0xf1, 0x50, 0x80, 0, 0x1f, 0xfc},
                                                                    {0xfe, 0xfb, 0x90, 0x64, 0, 0, 0}})
    EXPECT_FALSE(length(none).has_value());
}

TEST(InterruptGuard, TurnsASignalIntoAnException) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const InterruptGuard guard;
    EXPECT_NO_THROW(guard.check());
    ::raise(signal);
    try {
      guard.check();
      ADD_FAILURE() << "no exception";
    } catch (const Interrupted& interrupted) {
      EXPECT_EQ(interrupted.signal, signal);
    }
  }
}

TEST(InterruptGuard, LeavesAnIgnoredSignalIgnored) {
  std::signal(SIGTERM, SIG_IGN);
  {
    const InterruptGuard guard;
    std::raise(SIGTERM);
    guard.check();
  }
  EXPECT_EQ(std::signal(SIGTERM, SIG_DFL), SIG_IGN);
}

TEST(InterruptGuardDeathTest, TheSecondSignalEndsTheProgram) {
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        ::raise(SIGTERM);
        ::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(end_by_signal(SIGINT), ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace glossa::cli
