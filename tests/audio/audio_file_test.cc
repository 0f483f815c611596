#include "audio/audio_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "audio/sound_files.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/little_endian.h"
#include "support/message_of.h"

namespace glossa::audio {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::read_bytes;
using testing::snr_db;
using testing::sweep;
using testing::TemporaryFolder;
using testing::write_bytes;
using testing::write_sound;

bool ffmpeg_is_installed() { return std::system("ffmpeg -version >/dev/null 2>&1") == 0; }

std::string error_of(const fs::path& path) {
  return testing::message_of([&] { read_audio(path, 16000); });
}

// The mean over the channels of a float32 .npy of [frames, channels].
std::vector<float> read_npy_mono(const fs::path& path, std::size_t channels) {
  const std::string bytes = read_bytes(path);
  const std::size_t begin =
      10 + static_cast<unsigned char>(bytes.at(8)) + 256u * static_cast<unsigned char>(bytes.at(9));
  std::vector<float> values((bytes.size() - begin) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + begin, values.size() * sizeof(float));
  std::vector<float> mono(values.size() / channels);
  for (std::size_t index = 0; index < values.size(); ++index) mono[index / channels] += values[index];
  for (float& sample : mono) sample /= static_cast<float>(channels);
  return mono;
}

// Oracle: soundfile (Python) decoded the same files; `sum` and `abssum` are over all channels.
TEST(ReadAudio, DecodesTheGoldenFormats) {
  const auto folder = testing::golden_dir() / "audio" / "formats";
  const auto formats = nlohmann::json::parse(read_bytes(folder / "formats.json"));
  ASSERT_GT(formats.size(), 10u);
  for (const auto& format : formats) {
    const std::string name = format["file"];
    SCOPED_TRACE(name);
    const int rate = format["sample_rate"];
    const auto channels = format["channels"].get<std::size_t>();
    const AudioFile file = read_audio(folder / name, rate);
    EXPECT_EQ(file.original_rate, rate);
    EXPECT_EQ(file.original_channels, static_cast<int>(channels));
    ASSERT_EQ(file.samples.size(), format["frames"].get<std::size_t>());
    double sum = 0;
    double absolute = 0;
    for (const float sample : file.samples) {
      sum += sample;
      absolute += std::abs(sample);
    }
    const double frames = static_cast<double>(file.samples.size());
    // PCM is exact but for the float32 mean of two channels; versions of libvorbis differ by rounding.
    const double tolerance = name.ends_with(".ogg") ? 1e-5 : 1e-7;
    EXPECT_NEAR(sum, format["sum"].get<double>() / static_cast<double>(channels), tolerance * frames);
    if (channels == 1) {
      EXPECT_NEAR(absolute, format["abssum"].get<double>(), tolerance * frames);
    }
    const auto head = read_npy_mono(folder / format["head"].get<std::string>(), channels);
    ASSERT_LE(head.size(), file.samples.size());
    for (std::size_t index = 0; index < head.size(); ++index) {
      ASSERT_NEAR(file.samples[index], head[index], 10 * tolerance) << index;
    }
  }
}

TEST(ReadAudio, MemoryAndFileAgree) {
  const auto folder = testing::golden_dir() / "audio" / "formats";
  for (const char* name : {"pcm16_44k_stereo.wav", "flac24_44k_stereo.flac", "vorbis_16k_mono.ogg"}) {
    const std::string bytes = read_bytes(folder / name);
    const AudioFile memory = read_audio(std::as_bytes(std::span(bytes)), name, 16000);
    const AudioFile file = read_audio(folder / name, 16000);
    EXPECT_EQ(memory.samples, file.samples) << name;
    EXPECT_EQ(memory.original_rate, file.original_rate);
  }
}

struct Encoding {
  const char* name;
  int format;
  int rate;
  double snr;      // dB, at least
  double slack_s;  // of the duration: frames of lossy codecs are padded
};

class Codecs : public ::testing::TestWithParam<Encoding> {};

// Oracle: the sound itself. Lossless 16 bit keeps about 80 dB of this sweep. At libsndfile's default
// qualities lossy codecs keep the waveform of a pure sweep to better than 15 dB; a delay of one millisecond
// would give less than 5 dB.
TEST_P(Codecs, RoundTrip) {
  const Encoding& codec = GetParam();
  const TemporaryFolder folder;
  const fs::path path = folder / codec.name;
  const auto samples = sweep(codec.rate, 1.0);
  write_sound(path, samples, codec.rate, 1, codec.format);
  const AudioFile file = read_audio(path, codec.rate);
  EXPECT_EQ(file.original_channels, 1);
  EXPECT_NEAR(static_cast<double>(file.samples.size()), static_cast<double>(samples.size()),
              codec.slack_s * codec.rate);
  EXPECT_GT(snr_db(file.samples, samples), codec.snr);
}

INSTANTIATE_TEST_SUITE_P(
    ReadAudio, Codecs,
    ::testing::Values(Encoding{"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 75, 0},
                      Encoding{"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 75, 0},
                      Encoding{"a.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 75, 0},
                      Encoding{"a.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 16000, 75, 0},
                      Encoding{"a.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 16000, 75, 0},
                      Encoding{"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 15, 0},
                      Encoding{"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 15, 0},
                      Encoding{"b.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 16000, 15, 0},
                      Encoding{"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 15, 0.1}),
    [](const auto& test) {
      std::string name = test.param.name;
      name[1] = '_';
      return name;
    });

TEST(ReadAudio, ChannelsAreAveraged) {
  const TemporaryFolder folder;
  const std::vector<float> frames = {0.5f, -0.25f, 0.25f, 0.25f, -1.0f, 0.0f};
  write_sound(folder / "two.wav", frames, 16000, 2, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  EXPECT_THAT(read_audio(folder / "two.wav", 16000).samples, ::testing::ElementsAre(0.125f, 0.25f, -0.5f));
}

TEST(ReadAudio, WhatIsNotANumberIsSilence) {
  const TemporaryFolder folder;
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> samples = {std::nanf(""), 0.5f, infinity, -infinity, 3.0f};
  write_sound(folder / "odd.wav", samples, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  EXPECT_THAT(read_audio(folder / "odd.wav", 16000).samples,
              ::testing::ElementsAre(0.0f, 0.5f, 0.0f, 0.0f, 3.0f));
}

TEST(ReadAudio, NoSamplesIsNotAnError) {
  const TemporaryFolder folder;
  write_sound(folder / "none.wav", {}, 44100, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  EXPECT_TRUE(read_audio(folder / "none.wav", 16000).samples.empty());
}

// A writer that cannot seek back, or was killed, leaves 0 or the largest number as the size of the data.
TEST(ReadAudio, WavWithoutASizeIsReadToItsEnd) {
  const TemporaryFolder folder;
  const auto samples = sweep(16000, 0.2);
  write_sound(folder / "a.wav", samples, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  std::string bytes = read_bytes(folder / "a.wav");
  const std::size_t size_field = bytes.find("data") + 4;
  const auto expected = read_audio(folder / "a.wav", 16000).samples;
  const auto expect_all = [&](std::uint32_t riff_size, std::uint32_t data_size) {
    bytes.replace(4, 4, testing::little_endian(riff_size, 4));
    bytes.replace(size_field, 4, testing::little_endian(data_size, 4));
    write_bytes(folder / "streamed.wav", bytes);
    EXPECT_EQ(read_audio(folder / "streamed.wav", 16000).samples, expected) << riff_size;
    const auto in_memory = std::as_bytes(std::span(bytes));
    EXPECT_EQ(read_audio(in_memory, "streamed.wav", 16000).samples, expected) << riff_size;
  };
  expect_all(0xffffffff, 0xffffffff);
  for (const std::uint32_t riff_size : {0u, 8u, 36u, 0xffffffffu}) expect_all(riff_size, 0);
  // No samples, and a chunk behind them.
  bytes.resize(size_field + 4);
  bytes += "LIST" + testing::little_endian(4, 4) + "INFO";
  write_bytes(folder / "none.wav", bytes);
  EXPECT_TRUE(read_audio(folder / "none.wav", 16000).samples.empty());
}

TEST(ReadAudio, ReadsANamedPipe) {
  const TemporaryFolder folder;
  const auto samples = sweep(16000, 0.5);
  write_sound(folder / "a.flac", samples, 16000, 1, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { write_bytes(pipe, read_bytes(folder / "a.flac")); });
  EXPECT_EQ(read_audio(pipe, 16000).samples.size(), samples.size());
  writer.join();
}

TEST(ReadAudio, OtherFormatsComeThroughFfmpeg) {
  if (!ffmpeg_is_installed()) GTEST_SKIP() << "ffmpeg is not installed";
  const TemporaryFolder folder;
  const auto samples = sweep(44100, 1.0);
  write_sound(folder / "a.wav", samples, 44100, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  const std::string file =
      (folder / "-a b'c.mka").string();  // a name that a shell or an option parser would mangle
  const std::string command = "ffmpeg -nostdin -v error -i '" + (folder / "a.wav").string() +
                              "' -c:a pcm_s16le -f matroska \"" + file + "\"";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const AudioFile decoded = read_audio(file, 16000);
  EXPECT_EQ(decoded.original_rate, 44100);
  EXPECT_EQ(decoded.original_channels, 1);
  EXPECT_EQ(decoded.samples, read_audio(folder / "a.wav", 16000).samples);
}

// A recording that paused: its timestamps jump, its samples do not.
TEST(ReadAudio, APartOfWhatFfmpegReadsIsCountedInSamples) {
  if (!ffmpeg_is_installed()) GTEST_SKIP() << "ffmpeg is not installed";
  const TemporaryFolder folder;
  write_sound(folder / "a.wav", sweep(16000, 5.0), 16000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  const std::string file = (folder / "paused.mka").string();
  const std::string command = "ffmpeg -nostdin -v error -i '" + (folder / "a.wav").string() +
                              "' -af \"aselect='lt(t,1)+gte(t,3)'\" -c:a pcm_s16le '" + file + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::vector<float> whole = read_audio(file, 16000).samples;
  ASSERT_GT(whole.size(), 45000u);
  ASSERT_LT(whole.size(), 51000u);
  EXPECT_EQ(read_audio(file, 16000, {.duration = 2.5}).samples,
            std::vector<float>(whole.begin(), whole.begin() + 40000));
}

TEST(ReadAudio, PlayListsAreNotOpened) {
  if (!ffmpeg_is_installed()) GTEST_SKIP() << "ffmpeg is not installed";
  const TemporaryFolder folder;
  write_sound(folder / "a.wav", sweep(16000, 1.0), 16000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  write_bytes(folder / "list.ffconcat", "ffconcat version 1.0\nfile a.wav\n");
  EXPECT_THAT(error_of(folder / "list.ffconcat"), HasSubstr("cannot decode"));
}

TEST(ReadAudio, WithoutFfmpegTheErrorSaysSo) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.mkv", "\x1a\x45\xdf\xa3 and so on");
  const char* old = std::getenv("PATH");
  const std::string path = old == nullptr ? "" : old;
  ::setenv("PATH", folder.path().c_str(), 1);
  const std::string error = error_of(folder / "a.mkv");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(error, AllOf(HasSubstr("a.mkv"), HasSubstr("when the ffmpeg program is installed")));
}

TEST(HostileAudio, MissingFolderEmpty) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(folder / "nothing.wav"), AllOf(HasSubstr("nothing.wav"), HasSubstr("no such file")));
  EXPECT_THAT(error_of(folder.path()), HasSubstr("folder"));
  write_bytes(folder / "empty.wav", "");
  EXPECT_THAT(error_of(folder / "empty.wav"), AllOf(HasSubstr("empty.wav"), HasSubstr("empty file")));
  write_bytes(folder / "a.flac", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  EXPECT_THAT(error_of(folder / "a.flac"), HasSubstr("a.flac: a Git LFS pointer"));
  EXPECT_THROW(read_audio(std::span<const std::byte>(), "upload", 16000), Error);
}

TEST(HostileAudio, Garbage) {
  const TemporaryFolder folder;
  std::mt19937 random(3);
  std::string bytes(20000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  write_bytes(folder / "noise.bin", bytes);
  EXPECT_THAT(error_of(folder / "noise.bin"), AllOf(HasSubstr("noise.bin"), HasSubstr("cannot decode")));
  write_bytes(folder / "zeros.wav", std::string(5000, '\0'));
  EXPECT_THAT(error_of(folder / "zeros.wav"), HasSubstr("cannot decode"));
  write_bytes(folder / "text.wav", "This is a text, not a sound.\n");
  EXPECT_THAT(error_of(folder / "text.wav"), HasSubstr("cannot decode"));
}

TEST(HostileAudio, FilesThatEndEarlySaySo) {
  const TemporaryFolder folder;
  const auto samples = sweep(16000, 2.0);
  write_sound(folder / "a.wav", samples, 16000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  write_sound(folder / "a.flac", samples, 16000, 1, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
  for (const char* name : {"a.wav", "a.flac"}) {
    const std::string bytes = read_bytes(folder / name);
    write_bytes(folder / name, bytes.substr(0, bytes.size() * 6 / 10));
    EXPECT_THAT(error_of(folder / name), HasSubstr(name)) << name;
    EXPECT_THAT(error_of(folder / name), ::testing::Not(HasSubstr("no error")));
  }
  EXPECT_THAT(error_of(folder / "a.wav"), HasSubstr("ends early (expected 64000 bytes"));
}

// Whatever is cut or flipped: samples or one Error, never a crash or anything else.
TEST(HostileAudio, DamageNeverCrashes) {
  const TemporaryFolder folder;
  const auto samples = sweep(16000, 0.2);
  std::mt19937 random(11);
  for (const auto& [name, format] :
       std::vector<std::pair<std::string, int>>{{"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
                                                {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
                                                {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
                                                {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
                                                {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}}) {
    write_sound(folder / name, samples, 16000, 1, format);
    const std::string whole = read_bytes(folder / name);
    for (int round = 0; round < 40; ++round) {
      std::string bytes = whole;
      if (round % 2 == 0) bytes.resize(1 + random() % bytes.size());
      for (int flip = 0; flip < round / 2; ++flip)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      try {
        read_audio(std::as_bytes(std::span(bytes)), name, 16000);
        read_channels(std::as_bytes(std::span(bytes)), name, 16000, ChannelUse::kSeparate);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadInput) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(name));
      }
    }
  }
}

// A header of 1 Hz makes a small file a long one: refused, not resampled to gigabytes.
TEST(HostileAudio, TwelveHoursAreEnough) {
  const TemporaryFolder folder;
  const std::vector<float> samples(43201);
  write_sound(folder / "slow.wav", samples, 1, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  EXPECT_THAT(error_of(folder / "slow.wav"), HasSubstr("12 hours"));
}

std::vector<float> interleaved(const std::vector<std::vector<float>>& channels) {
  std::vector<float> frames;
  for (std::size_t frame = 0; frame < channels.front().size(); ++frame) {
    for (const std::vector<float>& channel : channels) frames.push_back(channel[frame]);
  }
  return frames;
}

// Oracle: a file of each channel alone. Resampled, in parts, from a file, from memory and through ffmpeg.
TEST(ReadChannels, AreFilesOfOneChannel) {
  const TemporaryFolder folder;
  constexpr int kRate = 8000;
  std::vector<std::vector<float>> channels(3, sweep(kRate, 2));
  for (float& sample : channels[1]) sample *= -0.5f;
  std::reverse(channels[2].begin(), channels[2].end());
  const int format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  write_sound(folder / "all.wav", interleaved(channels), kRate, 3, format);
  const std::string bytes = read_bytes(folder / "all.wav");
  const auto memory = std::as_bytes(std::span(bytes));
  const std::string by_ffmpeg = (folder / "all.mka").string();
  const bool has_ffmpeg = ffmpeg_is_installed();
  if (has_ffmpeg) {
    const std::string command = "ffmpeg -nostdin -v error -i '" + (folder / "all.wav").string() +
                                "' -c:a pcm_s16le -f matroska '" + by_ffmpeg + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  for (const AudioPart part : {AudioPart{}, AudioPart{0.25, 1}}) {
    const AudioChannels file = read_channels(folder / "all.wav", 16000, ChannelUse::kSeparate, part);
    ASSERT_EQ(file.channels.size(), 3u);
    EXPECT_EQ(file.sample_rate, 16000);
    EXPECT_EQ(file.original_rate, kRate);
    EXPECT_EQ(file.original_channels, 3);
    EXPECT_EQ(read_channels(memory, "all", 16000, ChannelUse::kSeparate, part).channels, file.channels);
    if (has_ffmpeg && part.duration == 0) {
      EXPECT_EQ(read_channels(by_ffmpeg, 16000, ChannelUse::kSeparate, part).channels, file.channels);
    }
    for (std::size_t channel = 0; channel < channels.size(); ++channel) {
      write_sound(folder / "one.wav", channels[channel], kRate, 1, format);
      EXPECT_EQ(file.channels[channel], read_audio(folder / "one.wav", 16000, part).samples) << channel;
    }
  }
}

TEST(ReadChannels, OfOneChannelIsTheSound) {
  const auto file = testing::golden_dir() / "audio" / "en-US_0.wav";
  EXPECT_THAT(read_channels(file, 16000, ChannelUse::kSeparate).channels,
              ::testing::ElementsAre(read_audio(file, 16000).samples));
}

// Channels that are kept apart need memory each.
TEST(HostileAudio, ChannelsAndTheirHoursAreLimited) {
  const TemporaryFolder folder;
  const auto complaint = [&](const char* name) -> std::string {
    return testing::message_of([&] { read_channels(folder / name, 16000, ChannelUse::kSeparate); });
  };
  write_sound(folder / "nine.wav", std::vector<float>(9 * 100), 16000, 9, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  EXPECT_THAT(complaint("nine.wav"), HasSubstr("expected at most 8 to keep apart, got 9"));
  EXPECT_EQ(read_audio(folder / "nine.wav", 16000).samples.size(), 100u);
  write_sound(folder / "slow.wav", std::vector<float>(2 * 21601), 1, 2, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  EXPECT_THAT(complaint("slow.wav"), HasSubstr("12 hours of sound in all channels together"));
}

// Oracle: the slice of the whole. Formats that are entered by seeking, and those that are decoded from the
// start.
TEST(AudioParts, AreSlicesOfTheWhole) {
  constexpr int kRate = 16000;
  const TemporaryFolder folder;
  const fs::path path = folder / "part.sound";
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_FLOAT,
                           SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS}) {
    write_sound(path, sweep(kRate, 7), kRate, 1, format);
    const std::string bytes = read_bytes(path);
    const auto whole = read_audio(path, kRate).samples;
    EXPECT_NEAR(audio_duration(path), static_cast<double>(whole.size()) / kRate, 1e-9) << format;
    for (const AudioPart part : {AudioPart{0, 1}, AudioPart{1.00004, 0.5}, AudioPart{3.3}, AudioPart{6.5, 9},
                                 AudioPart{5, 2}, AudioPart{7}, AudioPart{100, 1}}) {
      const auto begin = std::min(whole.size(), static_cast<std::size_t>(std::llround(part.offset * kRate)));
      auto size = whole.size() - begin;
      if (part.duration > 0)
        size = std::min(size, static_cast<std::size_t>(std::llround(part.duration * kRate)));
      const std::vector<float> expected(whole.data() + begin, whole.data() + begin + size);
      EXPECT_TRUE(read_audio(path, kRate, part).samples == expected) << format << " from " << part.offset;
      const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
      EXPECT_TRUE(read_audio(std::span(data, bytes.size()), "x", kRate, part).samples == expected) << format;
    }
  }
}

// At another rate only the edges differ: 10 ms in, the part is the whole's slice within soxr's precision of
// 28 bits.
TEST(AudioParts, AreResampledAlone) {
  const TemporaryFolder folder;
  write_sound(folder / "a.wav", sweep(8000, 3), 8000, 1, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  const auto whole = read_audio(folder / "a.wav", 16000).samples;
  const auto part = read_audio(folder / "a.wav", 16000, {1, 1}).samples;
  ASSERT_EQ(part.size(), 16000u);
  const auto expected = std::span(whole).subspan(16000, 16000);
  EXPECT_GT(snr_db(std::span(part).subspan(160, 15680), expected.subspan(160, 15680)), 60);
}

TEST(AudioParts, HostileRanges) {
  const TemporaryFolder folder;
  write_sound(folder / "a.wav", sweep(8000, 1), 8000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const AudioPart part :
       {AudioPart{-1}, AudioPart{kNan}, AudioPart{0, kNan}, AudioPart{1e300}, AudioPart{0, -2}}) {
    EXPECT_THROW(read_audio(folder / "a.wav", 8000, part), Error) << part.offset << " " << part.duration;
  }
  write_bytes(folder / "b.wav", "junk");
  EXPECT_THROW(audio_duration(folder / "b.wav"), Error);
  EXPECT_THROW(audio_duration(folder / "none.wav"), Error);
}

TEST(AudioExtension, KnowsTheUsualOnes) {
  for (const char* name : {"a.wav", "b/A.WAV", "c.flac", "d.opus", "e.mp3", "f.m4a"})
    EXPECT_TRUE(has_audio_extension(name));
  for (const char* name : {"wav", "a.txt", "a.wav.json", ".wav", ""})
    EXPECT_FALSE(has_audio_extension(name)) << name;
}

TEST(Pcm16, IsLittleEndianAndScaled) {
  const std::vector<std::byte> bytes = {std::byte{0x00}, std::byte{0x80}, std::byte{0xff}, std::byte{0x7f},
                                        std::byte{0x01}, std::byte{0x00}, std::byte{0x55}};
  EXPECT_THAT(pcm16_to_float(bytes), ::testing::ElementsAre(-1.0f, 32767.0f / 32768, 1.0f / 32768));
}

}  // namespace
}  // namespace glossa::audio
