#include "serve/sound_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "audio/audio_file.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/little_endian.h"
#include "support/message_of.h"

namespace glossa::serve {
namespace {

using Sounds = std::vector<std::vector<float>>;
using ::testing::HasSubstr;

constexpr int kRate = 16000;  // Hz

std::filesystem::path golden(const std::string& name) { return testing::golden_dir() / "audio" / name; }

void append(Sounds& all, const Sounds& more) {
  all.resize(std::max(all.size(), more.size()));
  for (std::size_t sound = 0; sound < more.size(); ++sound)
    all[sound].insert(all[sound].end(), more[sound].begin(), more[sound].end());
}

Sounds read_cut(const std::string& bytes, const RawFormat& format, std::size_t slice, bool separate = false) {
  SampleReader reader(format, separate, kRate);
  Sounds all;
  for (std::size_t at = 0; at < bytes.size(); at += slice)
    append(all, reader.push(std::string_view(bytes).substr(at, slice)));
  append(all, reader.finish());
  return all;
}

std::string failure(const std::string& bytes, const RawFormat& format = {.rate = kRate},
                    bool separate = false, ErrorCode code = ErrorCode::kBadInput) {
  std::string what;
  for (const std::size_t slice : {std::size_t{1}, bytes.size()}) {
    what = testing::message_of([&] { read_cut(bytes, format, slice, separate); }, code);
    EXPECT_NE(what, "no error") << "for slices of " << slice;
  }
  return what;
}

std::string chunk(const std::string& name, const std::string& body) {
  return name + testing::little_endian(body.size(), 4) + body + std::string(body.size() % 2, '\0');
}

std::string format_chunk(int tag, int channels, int bits) {
  using testing::little_endian;
  return chunk("fmt ", little_endian(static_cast<std::uint64_t>(tag), 2) +
                           little_endian(static_cast<std::uint64_t>(channels), 2) + little_endian(kRate, 4) +
                           little_endian(0, 6) + little_endian(static_cast<std::uint64_t>(bits), 2));
}

std::string wav(const std::string& chunks) { return chunk("RIFF", "WAVE" + chunks); }

TEST(SampleReader, RawSamplesHoweverTheyAreCut) {
  const std::string bytes("\x00\x80\x00\x00\xff\x7f\x00\x40\x00", 9);  // and half a sample
  const std::vector<float> wanted = {-1.0f, 0.0f, 32767.0f / 32768.0f, 0.5f};
  for (const std::size_t slice : {1, 2, 3, 9})
    EXPECT_EQ(read_cut(bytes, {.rate = kRate}, slice), Sounds{wanted});
}

TEST(SampleReader, Channels) {
  const std::string bytes("\x00\x40\x00\xc0\x00\x20\x00\x00\x00", 9);
  const RawFormat stereo{.rate = kRate, .channels = 2};
  for (const std::size_t slice : {1, 3, 9}) {
    EXPECT_EQ(read_cut(bytes, stereo, slice, /*separate=*/true), (Sounds{{0.5f, 0.25f}, {-0.5f, 0.0f}}));
    EXPECT_EQ(read_cut(bytes, stereo, slice), (Sounds{{0.0f, 0.125f}}));
  }
}

TEST(SampleReader, OtherRates) {
  const std::string bytes = testing::read_bytes(golden("en-US_0.wav")).substr(44, 24000);
  const RawFormat format{.rate = 8000};
  const Sounds whole = read_cut(bytes, format, bytes.size());
  EXPECT_EQ(whole.front().size(), bytes.size());  // twice as many samples of two bytes
  EXPECT_EQ(read_cut(bytes, format, 777), whole);
}

// The oracle is libsndfile; 24-bit and 44.1 kHz files are resampled alike.
TEST(SampleReader, WavFilesAsTheFileReader) {
  for (const char* name : {"alaw_8k_mono", "mulaw_8k_mono", "pcm8_8k_mono", "pcm16_44k_stereo",
                           "pcm24_48k_mono", "pcm32_16k_mono", "float32_16k_mono", "wavex_16k_mono"}) {
    const std::string bytes = testing::read_bytes(golden("formats/" + std::string(name) + ".wav"));
    const std::vector<float> wanted =
        audio::read_audio(golden("formats/" + std::string(name) + ".wav"), kRate).samples;
    for (const std::size_t slice : {std::size_t{1}, std::size_t{1000}, bytes.size()}) {
      const Sounds sounds = read_cut(bytes, {.rate = 11025}, slice);
      ASSERT_EQ(sounds.size(), 1u) << name;
      ASSERT_EQ(sounds.front().size(), wanted.size()) << name;
      for (std::size_t index = 0; index < wanted.size(); ++index)
        ASSERT_NEAR(sounds.front()[index], wanted[index], 1e-6)
            << name << " at " << index;  // a few ulp of the sums
    }
  }
}

TEST(SampleReader, WhatIsNotSoundInAWavFile) {
  const std::string samples("\x00\x40\x00\x20\x00\x10", 6);
  const std::string format = format_chunk(1, 1, 16);
  const std::vector<float> wanted = {0.5f, 0.25f, 0.125f};
  const std::string around =
      wav(chunk("LIST", "odd") + format + chunk("data", samples) + chunk("LIST", "INFOISFT"));
  std::string endless = "RIFF\xff\xff\xff\xffWAVE" + format + "data\xff\xff\xff\xff" + samples;
  for (const std::size_t slice : {1, 5, 1000}) {
    EXPECT_EQ(read_cut(around, {.rate = kRate}, slice), Sounds{wanted});
    EXPECT_EQ(read_cut(endless, {.rate = kRate}, slice), Sounds{wanted});
  }
  endless.replace(endless.find("data") + 4, 4, std::string(4, '\0'));  // a size that nobody filled in
  EXPECT_EQ(read_cut(endless, {.rate = kRate}, 7), Sounds{wanted});
}

TEST(SampleReader, SamplesThatBeginLikeAFile) {
  for (const std::string bytes : {"R", "RIFF", "RIFFxxxxWAV", "RIFFxxxxWAVX", "fL", "OggX"}) {
    const Sounds sounds = read_cut(bytes, {.rate = kRate}, 1);
    ASSERT_EQ(sounds.size(), 1u);
    EXPECT_EQ(sounds.front().size(), bytes.size() / 2) << bytes;
  }
  EXPECT_EQ(read_cut("", {.rate = kRate}, 1), Sounds{{}});
}

TEST(SampleReader, UnusableFiles) {
  EXPECT_THAT(failure(testing::read_bytes(golden("formats/flac16_16k_mono.flac"))),
              HasSubstr("FLAC cannot be streamed"));
  EXPECT_THAT(failure(testing::read_bytes(golden("formats/vorbis_16k_mono.ogg"))),
              HasSubstr("Ogg cannot be streamed"));
  EXPECT_THAT(failure(testing::read_bytes(golden("formats/float64_16k_mono.wav"))),
              HasSubstr("format 3 with 64 bits"));
  EXPECT_THAT(failure(wav(chunk("data", "xx"))), HasSubstr("no fmt chunk"));
  EXPECT_THAT(failure(wav(chunk("fmt ", "short"))), HasSubstr("the fmt chunk has 5 bytes"));
  EXPECT_THAT(failure(wav(format_chunk(1, 0, 16))), HasSubstr("0 channels"));
  EXPECT_THAT(failure(wav(chunk("junk", std::string(70'000, 'x')))), HasSubstr("no samples within"));
  const std::string stereo = wav(format_chunk(1, 2, 16) + chunk("data", "xxxx"));
  EXPECT_THAT(failure(stereo, {.rate = kRate, .channels = 3}, /*separate=*/true, ErrorCode::kInvalidArgument),
              HasSubstr("the WAV header says 2 channels, the client 3"));
}

TEST(SoundFiles, ByTheirBeginning) {
  EXPECT_TRUE(is_sound_file(testing::read_bytes(golden("clip.wav"))));
  EXPECT_TRUE(is_sound_file(testing::read_bytes(golden("formats/flac16_16k_mono.flac"))));
  EXPECT_TRUE(is_sound_file(testing::read_bytes(golden("formats/vorbis_16k_mono.ogg"))));
  EXPECT_TRUE(is_sound_file("ID3\x04"));
  EXPECT_FALSE(is_sound_file("RIFF"));
  EXPECT_FALSE(is_sound_file(""));
  EXPECT_TRUE(is_wav_file(testing::read_bytes(golden("clip.wav"))));
  EXPECT_FALSE(is_wav_file("fLaC and eight more"));
  EXPECT_TRUE(looks_like_mp3("\xff\xfb\x90\x44"));
  EXPECT_TRUE(looks_like_mp3("\xff\xf3\x90\x44"));
  EXPECT_FALSE(looks_like_mp3("\xff\xff\xff\xff"));
  EXPECT_FALSE(looks_like_mp3("\xff\xfb"));
}

}  // namespace
}  // namespace glossa::serve
