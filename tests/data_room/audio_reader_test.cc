#include "data/audio_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "audio/audio_file.h"
#include "audio/sound_files.h"
#include "base/tar_builder.h"
#include "support/files.h"
#include "support/message_of.h"

namespace glossa::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TarBuilder;

constexpr int kReaderRate = 16000;

class AudioReaderTest : public ::testing::Test {
 protected:
  AudioReaderTest() {
    testing::write_sound(folder_ / "a.flac", testing::sweep(kReaderRate, 1), kReaderRate, 1,
                         SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
    samples_ = audio::read_audio(folder_ / "a.flac", kReaderRate).samples;
  }

  Cut cut(const std::string& audio, const std::string& member = "") {
    Cut cut;
    cut.id = "the-cut";
    cut.audio = folder_ / audio;
    cut.member = member;
    cut.source = "m.json";
    cut.line = 7;
    return cut;
  }

  std::string error_of(const Cut& cut) {
    return testing::message_of([&] { AudioReader(kReaderRate).read(cut); });
  }

  testing::TemporaryFolder folder_;
  std::vector<float> samples_;  // of the whole sound: the oracle of its parts
};

TEST_F(AudioReaderTest, FilesPartsAndMembers) {
  testing::write_bytes(
      folder_ / "t.tar",
      TarBuilder().member("z", "?").member("dir/a.flac", testing::read_bytes(folder_ / "a.flac")).finish());
  const AudioReader reader(kReaderRate);
  for (Cut sound : {cut("a.flac"), cut("t.tar", "dir/a.flac")}) {
    EXPECT_TRUE(reader.read(sound) == samples_);
    sound.offset = 0.25;
    EXPECT_TRUE(reader.read(sound) == std::vector<float>(samples_.begin() + 4000, samples_.end()));
    sound.duration = 0.5;
    EXPECT_TRUE(reader.read(sound) == std::vector<float>(samples_.begin() + 4000, samples_.begin() + 12000));
  }
}

TEST_F(AudioReaderTest, JoinedCutsAreTheirPartsBehindSilence) {
  const Cut part = cut("a.flac");
  Cut longer = part;  // than it is: what follows still comes at its time
  longer.duration = 1.25;
  Cut shorter = part;  // than it is: what follows comes later
  shorter.duration = 0.95;
  Cut whole = cut("");
  whole.parts = {{&longer, 0.5}, {&shorter, 0.5}, {&part, 0}};
  std::vector<float> expected(kReaderRate / 2);
  expected.insert(expected.end(), samples_.begin(), samples_.end());
  expected.resize(static_cast<std::size_t>(2.25 * kReaderRate));
  expected.insert(expected.end(), samples_.begin(), samples_.end());
  expected.insert(expected.end(), samples_.begin(), samples_.end());
  EXPECT_TRUE(AudioReader(kReaderRate).read(whole) == expected);
  const Cut gone = cut("gone.flac");
  whole.parts.push_back({&gone, 0});
  EXPECT_THAT(error_of(whole), HasSubstr("gone.flac"));
}

// The file has exactly 1 s.
TEST_F(AudioReaderTest, RoundedDurationsMeanTheWholeSound) {
  testing::write_bytes(folder_ / "t.tar",
                       TarBuilder().member("a.flac", testing::read_bytes(folder_ / "a.flac")).finish());
  const AudioReader reader(kReaderRate);
  for (Cut sound : {cut("a.flac"), cut("t.tar", "a.flac")}) {
    for (const double duration : {0.0, 0.95, 0.996, 1.0, 1.004, 3.0}) {
      sound.duration = duration;
      EXPECT_EQ(reader.read(sound).size(), 16000u) << sound.member << duration;
    }
    sound.duration = 0.8;
    EXPECT_TRUE(reader.read(sound) == std::vector<float>(samples_.begin(), samples_.begin() + 12800));
  }
}

TEST_F(AudioReaderTest, FewMapsAreEnough) {
  for (int tar = 0; tar < 5; ++tar) {
    testing::write_bytes(folder_ / (std::to_string(tar) + ".tar"),
                         TarBuilder().member("a.flac", testing::read_bytes(folder_ / "a.flac")).finish());
  }
  const AudioReader reader(kReaderRate, /*most_open=*/2);
  for (int round = 0; round < 3; ++round) {
    for (int tar = 0; tar < 5; ++tar) {
      EXPECT_EQ(reader.read(cut(std::to_string(tar) + ".tar", "a.flac")).size(), samples_.size());
    }
  }
}

TEST_F(AudioReaderTest, ErrorsNameTheCutAndItsSource) {
  Cut late = cut("a.flac");
  late.offset = 1;
  EXPECT_THAT(error_of(late),
              AllOf(HasSubstr("the-cut"), HasSubstr("m.json:7"), HasSubstr("no sound at 1 s")));
  EXPECT_THAT(error_of(cut("none.wav")),
              AllOf(HasSubstr("the-cut"), HasSubstr("m.json:7"), HasSubstr("none.wav")));
  EXPECT_THAT(error_of(cut("none.tar", "a")), HasSubstr("none.tar"));
  testing::write_bytes(folder_ / "t.tar", TarBuilder().member("junk.wav", "junk").member("b", "").finish());
  EXPECT_THAT(error_of(cut("t.tar", "a.wav")), HasSubstr("no member 'a.wav'"));
  EXPECT_THAT(error_of(cut("t.tar", "junk.wav")), AllOf(HasSubstr("junk.wav"), HasSubstr("cannot decode")));
}

TEST_F(AudioReaderTest, ADamagedTarGivesWhatLiesBefore) {
  const std::string whole = TarBuilder()
                                .member("a.flac", testing::read_bytes(folder_ / "a.flac"))
                                .member("b.flac", testing::read_bytes(folder_ / "a.flac"))
                                .finish();
  testing::write_bytes(folder_ / "t.tar", whole.substr(0, whole.size() - 3000));
  EXPECT_EQ(AudioReader(kReaderRate).read(cut("t.tar", "a.flac")).size(), samples_.size());
  EXPECT_THAT(error_of(cut("t.tar", "b.flac")),
              AllOf(HasSubstr("no member 'b.flac'"), HasSubstr("truncated")));
}

}  // namespace
}  // namespace glossa::data
