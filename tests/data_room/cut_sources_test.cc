#include "data/cut_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>
#include <zlib.h>

#include "audio/sound_files.h"
#include "base/log.h"
#include "base/tar_builder.h"
#include "support/files.h"
#include "support/message_of.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TarBuilder;
using testing::write_bytes;

class CutSources : public ::testing::Test {
 protected:
  ~CutSources() override { log::set_sink({}); }

  std::string path(const std::string& name) const { return folder_ / name; }

  std::string wav(double seconds) {
    testing::write_sound(path("x.wav"), testing::sweep(8000, seconds), 8000, 1,
                         SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    return testing::read_bytes(path("x.wav"));
  }

  void collect_warnings() {
    log::set_sink([this](log::Level, std::string_view message) { warnings_.emplace_back(message); });
  }

  testing::TemporaryFolder folder_;
  std::vector<std::string> warnings_;
};

TEST_F(CutSources, NemoManifest) {
  write_bytes(
      path("m.json"),
      "{\"audio_filepath\": \"a/b.wav\", \"duration\": 2.5, \"offset\": 1, \"text\": \"hi\", \"lang\": "
      "\"de\", "
      "\"prompt_mode\": \"auto\"}\n"
      "{\"audio_filepath\": \"c.wav\", \"_skipme\": 1}\n"
      "{\"audio_filepath\": \"/d.wav\", \"duration\": 1, \"said\": \"x\", \"target_lang\": \"el-GR\"}\n");
  auto cuts = read_nemo_cuts(path("m.json"), {});
  ASSERT_EQ(cuts.size(), 2u);
  EXPECT_EQ(cuts[0].audio, folder_ / "a/b.wav");
  EXPECT_EQ(cuts[0].member, "");
  EXPECT_EQ(cuts[0].offset, 1);
  EXPECT_EQ(cuts[0].duration, 2.5);
  EXPECT_EQ(cuts[0].text, "hi");
  EXPECT_EQ(cuts[0].target_lang, "de");
  EXPECT_EQ(cuts[0].prompt_mode, "auto");
  EXPECT_EQ(cuts[0].source, path("m.json"));
  EXPECT_EQ(cuts[0].line, 1);
  EXPECT_EQ(cuts[1].audio, "/d.wav");
  EXPECT_EQ(cuts[1].text, "");
  EXPECT_EQ(cuts[1].target_lang, "el-GR");
  EXPECT_EQ(cuts[1].line, 3);
  EXPECT_NE(cuts[0].id, cuts[1].id);
  EXPECT_EQ(read_nemo_cuts(path("m.json"), {.fields = {.text = "said"}})[1].text, "x");
}

TEST_F(CutSources, MissingDurationComesFromTheSound) {
  wav(1.5);
  write_bytes(path("m.json"),
              "{\"audio_filepath\": \"x.wav\", \"offset\": 0.5}\n{\"audio_filepath\": \"x.wav\"}\n");
  const auto cuts = read_nemo_cuts(path("m.json"), {});
  EXPECT_DOUBLE_EQ(cuts.at(0).duration, 1.0);
  EXPECT_DOUBLE_EQ(cuts.at(1).duration, 1.5);
}

TEST_F(CutSources, BadLinesAreErrorsOrReported) {
  wav(1);
  write_bytes(path("m.json"),
              "{\"audio_filepath\": \"none.wav\"}\nnonsense\n{\"audio_filepath\": \"x.wav\", \"offset\": 7}\n"
              "{\"audio_filepath\": \"x.wav\", \"duration\": 1}\n");
  EXPECT_THAT(message_of([&] { read_nemo_cuts(path("m.json"), {}); }),
              AllOf(HasSubstr("m.json:1"), HasSubstr("none.wav")));
  std::vector<std::string> bad;
  SourceOptions options;
  options.on_bad_line = [&](const std::string& message) { bad.push_back(message); };
  EXPECT_EQ(read_nemo_cuts(path("m.json"), options).size(), 1u);
  EXPECT_THAT(bad, ElementsAre(HasSubstr("m.json:1"), HasSubstr("m.json:2"),
                               AllOf(HasSubstr("m.json:3"), HasSubstr("offset"))));
}

TEST_F(CutSources, ManifestShards) {
  for (const char* shard : {"0", "1"})
    write_bytes(path(std::string("m_") + shard + ".json"),
                std::string("{\"audio_filepath\": \"") + shard + ".wav\", \"duration\": 1}\n");
  const auto cuts = read_nemo_cuts(path("m__OP_0..1_CL_.json"), {});
  ASSERT_EQ(cuts.size(), 2u);
  EXPECT_EQ(cuts[1].audio, folder_ / "1.wav");
  EXPECT_THAT(message_of([&] { read_nemo_cuts(path("m__OP_0..2_CL_.json"), {}); }), HasSubstr("m_2.json"));
}

TEST_F(CutSources, TarredShardsAndSharedMembers) {
  write_bytes(path("audio_0.tar"), TarBuilder().member("a.wav", wav(2)).member("b.wav", "?").finish());
  write_bytes(path("audio_1.tar"), TarBuilder().member("./c.wav", "?").finish());
  write_bytes(path("manifest_0.json"),
              "{\"audio_filepath\": \"a-sub1.wav\", \"duration\": 0.5, \"text\": \"one\"}\n"
              "{\"audio_filepath\": \"a-sub2.wav\", \"offset\": 0.5, \"text\": \"two\"}\n"
              "{\"audio_filepath\": \"b.wav\", \"_skipme\": true}\n");
  write_bytes(path("manifest_1.json"), "{\"audio_filepath\": \"c.wav\", \"duration\": 3}\n");
  const auto cuts = read_tarred_cuts(path("manifest__OP_0..1_CL_.json"), path("audio__OP_0..1_CL_.tar"), {});
  ASSERT_EQ(cuts.size(), 3u);
  EXPECT_EQ(cuts[0].audio, folder_ / "audio_0.tar");
  EXPECT_EQ(cuts[0].member, "a.wav");
  EXPECT_EQ(cuts[0].id, "a-sub1.wav");
  EXPECT_EQ(cuts[0].duration, 0.5);
  EXPECT_EQ(cuts[1].member, "a.wav");
  EXPECT_EQ(cuts[1].offset, 0.5);
  EXPECT_DOUBLE_EQ(cuts[1].duration, 1.5);
  EXPECT_EQ(cuts[1].text, "two");
  EXPECT_EQ(cuts[2].audio, folder_ / "audio_1.tar");
  EXPECT_EQ(cuts[2].member, "c.wav");
}

TEST_F(CutSources, OneManifestForAllShards) {
  write_bytes(path("audio_3.tar"), TarBuilder().member("a.wav", "?").finish());
  write_bytes(path("audio_4.tar"), TarBuilder().member("a.wav", "?").member("b.wav", "?").finish());
  const std::string lines =
      "{\"audio_filepath\": \"b.wav\", \"duration\": 1, \"shard_id\": 4}\n"
      "{\"audio_filepath\": \"a.wav\", \"duration\": 2, \"shard_id\": 3}\n"
      "{\"audio_filepath\": \"a.wav\", \"duration\": 3, \"shard_id\": 4}\n";
  write_bytes(path("all.json"), lines);
  const auto cuts = read_tarred_cuts(path("all.json"), path("audio_{3..4}.tar"), {});
  ASSERT_EQ(cuts.size(), 3u);
  EXPECT_EQ(cuts[0].audio.filename(), "audio_3.tar");
  EXPECT_EQ(cuts[0].duration, 2);
  EXPECT_EQ(cuts[2].audio.filename(), "audio_4.tar");
  EXPECT_EQ(cuts[2].line, 3);
  write_bytes(path("all.json"),
              lines + "{\"audio_filepath\": \"a.wav\", \"duration\": 3, \"shard_id\": 5}\n");
  EXPECT_THAT(message_of([&] { read_tarred_cuts(path("all.json"), path("audio_{3..4}.tar"), {}); }),
              AllOf(HasSubstr("all.json:4"), HasSubstr("shard_id 5")));
}

TEST_F(CutSources, ShardNumbersMustBeEqual) {
  for (const char* name : {"audio_0.tar", "audio_1.tar", "manifest_1.json", "manifest_2.json"})
    write_bytes(path(name), "");
  EXPECT_THAT(
      message_of([&] { read_tarred_cuts(path("manifest_{1..2}.json"), path("audio_{0..1}.tar"), {}); }),
      AllOf(HasSubstr("no manifest for: 0"), HasSubstr("no tar for: 2")));
  EXPECT_THAT(
      message_of([&] { read_tarred_cuts(path("manifest_{1..2}.json"), path("audio_{1..2}.tar"), {}); }),
      HasSubstr("audio_2.tar: no such file"));
}

TEST_F(CutSources, MembersAndEntriesMustMatch) {
  write_bytes(path("audio_0.tar"), TarBuilder().member("a.wav", "?").member("extra.wav", "?").finish());
  write_bytes(path("m.json"), "{\"audio_filepath\": \"a.wav\", \"duration\": 1}\n");
  EXPECT_THAT(message_of([&] { read_tarred_cuts(path("m.json"), path("audio_0.tar"), {}); }),
              HasSubstr("extra.wav"));
  SourceOptions options;
  options.skip_missing_manifest_entries = true;
  EXPECT_EQ(read_tarred_cuts(path("m.json"), path("audio_0.tar"), options).size(), 1u);
  write_bytes(path("m.json"), "{\"audio_filepath\": \"none.wav\", \"duration\": 1}\n");
  EXPECT_THAT(message_of([&] { read_tarred_cuts(path("m.json"), path("audio_0.tar"), options); }),
              AllOf(HasSubstr("m.json:1"), HasSubstr("none.wav")));
}

TEST_F(CutSources, WhatABrokenTarStillHoldsIsUsed) {
  collect_warnings();
  const std::string whole =
      TarBuilder().member("a.wav", "?").member("b.wav", std::string(2000, 'x')).finish();
  write_bytes(path("audio_0.tar"), whole.substr(0, 2000));  // within b.wav
  write_bytes(
      path("m.json"),
      "{\"audio_filepath\": \"a.wav\", \"duration\": 1}\n{\"audio_filepath\": \"b.wav\", \"duration\": 1}\n");
  const auto cuts = read_tarred_cuts(path("m.json"), path("audio_0.tar"), {});
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].member, "a.wav");
  EXPECT_THAT(warnings_,
              ElementsAre(AllOf(HasSubstr("audio_0.tar"), HasSubstr("truncated"), HasSubstr("1 entries"))));
}

// What Lhotse's SharWriter writes: data, then its manifest; names end in the cut's id and an extension.
TEST_F(CutSources, LhotseShar) {
  fs::create_directory(path("shar"));
  const std::string lines =
      "{\"id\": \"cut.1\", \"start\": 0, \"duration\": 1.25, \"channel\": 0, \"supervisions\": [{\"id\": "
      "\"s\", "
      "\"recording_id\": \"r\", \"start\": 0.0, \"duration\": 1.25, \"text\": \"καλά\", \"language\": "
      "\"el-GR\"}], "
      "\"recording\": {\"id\": \"r\", \"sources\": [{\"type\": \"shar\", \"channels\": [0], \"source\": "
      "\"\"}], "
      "\"sampling_rate\": 8000, \"num_samples\": 10000, \"duration\": 1.25}, \"custom\": {\"prompt_mode\": "
      "\"auto\"}, "
      "\"type\": \"MonoCut\"}\n"
      "{\"id\": \"two\", \"start\": 0, \"supervisions\": [], \"custom\": {\"target_lang\": \"de-DE\"}, "
      "\"type\": "
      "\"MonoCut\"}\n";
  const gzFile gz = gzopen(path("shar/cuts.000000.jsonl.gz").c_str(), "wb");
  ASSERT_EQ(gzwrite(gz, lines.data(), static_cast<unsigned>(lines.size())), static_cast<int>(lines.size()));
  gzclose(gz);
  write_bytes(path("shar/recording.000000.tar"), TarBuilder()
                                                     .member("cut.1.flac", "?")
                                                     .member("cut.1.json", "{}")
                                                     .member("two.wav", wav(0.5))
                                                     .member("two.json", "{}")
                                                     .finish());
  const auto cuts = read_shar_cuts(path("shar"), {});
  ASSERT_EQ(cuts.size(), 2u);
  EXPECT_EQ(cuts[0].id, "cut.1");
  EXPECT_EQ(cuts[0].audio, folder_ / "shar/recording.000000.tar");
  EXPECT_EQ(cuts[0].member, "cut.1.flac");
  EXPECT_EQ(cuts[0].duration, 1.25);
  EXPECT_EQ(cuts[0].text, "καλά");
  EXPECT_EQ(cuts[0].target_lang, "el-GR");
  EXPECT_EQ(cuts[0].prompt_mode, "auto");
  EXPECT_EQ(cuts[1].member, "two.wav");
  EXPECT_DOUBLE_EQ(cuts[1].duration, 0.5);
  EXPECT_EQ(cuts[1].target_lang, "de-DE");
}

TEST_F(CutSources, SharErrors) {
  EXPECT_THAT(message_of([&] { read_shar_cuts(path("none"), {}); }), HasSubstr("no such folder"));
  fs::create_directory(path("shar"));
  EXPECT_THAT(message_of([&] { read_shar_cuts(path("shar"), {}); }), HasSubstr("no cuts"));
  write_bytes(path("shar/cuts.000003.jsonl"), "{\"id\": \"a\", \"duration\": 1}\n");
  EXPECT_THAT(message_of([&] { read_shar_cuts(path("shar"), {}); }), HasSubstr("recording.000003.tar"));
  write_bytes(path("shar/recording.000003.tar"),
              TarBuilder().member("a.nodata", "").member("a.nometa", "").finish());
  EXPECT_THAT(message_of([&] { read_shar_cuts(path("shar"), {}); }),
              AllOf(HasSubstr("cuts.000003.jsonl:1"), HasSubstr("no sound for the cut 'a'")));
}

}  // namespace
}  // namespace glossa::data
