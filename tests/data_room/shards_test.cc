// Tarred shards, read again with the reader of the room base; and the figures of `data stats`.
#include "data/shard_writer.h"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "audio/audio_file.h"
#include "base/tar_reader.h"
#include "data/statistics.h"
#include "data_room/data_files.h"
#include "glossa/error.hpp"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;

class Shards : public testing::DataFiles {
 protected:
  void SetUp() override {
    DataFiles::SetUp();
    options_.folder = folder_ / "out";
  }

  ShardReport pack(const ManifestText& manifest) {
    return write_shards(std::span(&manifest, 1), options_, ThreadPool(2));
  }

  std::map<std::string, std::string> members(const std::string& tar) const {
    const std::string bytes = read(tar);
    std::map<std::string, std::string> result;
    for (const TarMember& member : read_tar(std::as_bytes(std::span(bytes.data(), bytes.size())), tar)) {
      result[member.name] = {reinterpret_cast<const char*>(member.bytes.data()), member.bytes.size()};
    }
    return result;
  }

  std::vector<json> lines(const std::string& name) const {
    std::istringstream text(read(name));
    std::vector<json> list;
    for (std::string line; std::getline(text, line);) list.push_back(json::parse(line));
    return list;
  }

  ShardOptions options_;
};

TEST_F(Shards, HoldEveryLineAndItsSound) {
  std::string text;
  for (int index = 0; index < 7; ++index) {
    const std::string name = "x." + std::to_string(index) + ".wav";
    write_wav(name, tone(300 + 10 * index, 0.5));
    text += line(name, 0.5, "Number " + std::to_string(index));
  }
  write_wav("long.wav", tone(200, 3));
  text += line("long.wav", 3, "Too long");
  options_.shards = 3;
  options_.shuffle_seed = 5;
  options_.max_duration = 3;  // [min, max) as in NeMo
  const auto report = pack(manifest("m.jsonl", text));
  EXPECT_EQ(report.lines, 7);
  EXPECT_EQ(report.left_out, 1);
  EXPECT_THAT(report.lines_per_shard, ElementsAre(3, 2, 2));
  std::set<std::string> texts;
  std::string joined;
  for (int shard = 0; shard < 3; ++shard) {
    const auto number = std::to_string(shard);
    const auto sounds = members("out/audio_" + number + ".tar");
    joined += read("out/sharded_manifests/manifest_" + number + ".json");
    for (const json& entry : lines("out/sharded_manifests/manifest_" + number + ".json")) {
      EXPECT_EQ(entry["shard_id"], shard);
      texts.insert(entry["text"]);
      const std::string index = entry["text"].get<std::string>().substr(7);
      EXPECT_EQ(sounds.at(entry["audio_filepath"]), read("x." + index + ".wav"));
      EXPECT_EQ(entry["audio_filepath"].get<std::string>(),
                member_name(folder_ / ("x." + index + ".wav"), std::nullopt, 0.5, ".wav"));
    }
  }
  EXPECT_EQ(texts.size(), 7u);
  EXPECT_EQ(read("out/tarred_audio_manifest.json"), joined);
  EXPECT_THAT(read("out/metadata.yaml"), ::testing::HasSubstr("num_shards: 3"));
  for (const auto& file : fs::recursive_directory_iterator(options_.folder))
    EXPECT_NE(file.path().extension(), ".partial");
  EXPECT_THROW(pack(manifest("m.jsonl", text)), Error);  // there already
  options_.overwrite = true;
  EXPECT_EQ(pack(manifest("m.jsonl", text)).bytes, report.bytes);
}

TEST_F(Shards, CutSegmentsAndShareWholeFiles) {
  const auto sound = tone(300, 4);
  write_wav("a.wav", sound);
  const std::string start = R"({"audio_filepath": "a.wav", "text": "A")";
  const auto entries =
      manifest("m.jsonl", start + ", \"duration\": 4}\n" + start + ", \"duration\": 4, \"k\": [1,2]}\n" +
                              start + ", \"offset\": 1.5, \"duration\": 2}\n");
  options_.codec = ShardCodec::kFlac;
  pack(entries);
  const auto written = lines("out/tarred_audio_manifest.json");
  const auto sounds = members("out/audio_0.tar");
  ASSERT_EQ(sounds.size(), 2u);
  const std::string whole = written[0]["audio_filepath"];
  EXPECT_THAT(whole, ::testing::EndsWith("_a.flac"));
  EXPECT_EQ(written[1]["audio_filepath"], whole.substr(0, whole.size() - 5) + "-sub1.flac");
  EXPECT_EQ(written[1]["k"], json::parse("[1,2]"));
  EXPECT_THAT(written[2]["audio_filepath"].get<std::string>(), ::testing::EndsWith("_a_1_5_2_0.flac"));
  EXPECT_EQ(written[2]["source_audio_offset"], 1.5);
  EXPECT_FALSE(written[2].contains("offset"));
  // flac is lossless: the samples are those of the wav, which are rounded to 16 bits.
  const auto original = audio::read_audio(folder_ / "a.wav", 16000).samples;
  const std::string& bytes = sounds.at(written[2]["audio_filepath"]);
  const auto cut =
      audio::read_audio(std::as_bytes(std::span(bytes.data(), bytes.size())), "cut", 16000).samples;
  EXPECT_EQ(cut, std::vector<float>(original.begin() + 24000, original.begin() + 56000));
}

TEST_F(Shards, LeaveNothingAfterAnError) {
  write_wav("a.wav", tone(300, 1));
  write("b.wav", "no sound");
  options_.codec = ShardCodec::kFlac;
  const auto bad = manifest("m.jsonl", line("a.wav", 1, "A") + line("b.wav", 1, "B"));
  options_.codec = ShardCodec::kFlac;
  write("c.mp3", "no sound");
  const auto worse = manifest("n.jsonl", line("a.wav", 1, "A") + line("c.mp3", 1, "C"));
  for (const ManifestText& entries : {bad, worse}) EXPECT_THROW(pack(entries), Error);
  for (const auto& file : fs::recursive_directory_iterator(options_.folder))
    EXPECT_TRUE(file.is_directory()) << file.path();
  options_.shards = 3;
  EXPECT_THROW(pack(bad), Error);  // more shards than lines
}

TEST(MemberName, IsNeMos) {
  EXPECT_EQ(member_name("/d/a.b/c.wav", std::nullopt, 1, ".wav"), "_d_a_b_c.wav");
  EXPECT_EQ(member_name("/d/c.wav", 12, 3.25, ".flac"), "_d_c_12_0_3_25.flac");
  EXPECT_EQ(member_name("/d/c-sub1.wav", std::nullopt, 1, ".wav"), "_d_c_sub1.wav");
}

TEST(Statistics, BucketsHoldEqualHours) {
  std::vector<double> durations(100, 1.0);  // 100 s of short ones, 100 s of long ones
  durations.insert(durations.end(), 10, 10.0);
  EXPECT_THAT(estimate_bucket_bins(durations, 2), ElementsAre(10.0));
  EXPECT_THAT(estimate_bucket_bins({1, 1, 1}, 30), ElementsAre(1.0));  // never two that are equal
}

// Oracle: numpy.percentile([1, 2, 3, 4], q).
TEST(Statistics, PercentilesAreNumpys) {
  const std::map<double, double> expected = {{25, 1.75}, {50, 2.5}, {99, 3.97}, {100, 4}};
  std::size_t compared = 0;
  for (const auto& [percent, value] : percentiles_of({4, 1, 3, 2})) {
    const auto known = expected.find(percent);
    if (known == expected.end()) continue;
    EXPECT_DOUBLE_EQ(value, known->second) << percent;
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

TEST_F(Shards, StatisticsCount) {
  const auto entries =
      manifest("m.jsonl", line("a.wav", 3600, "One two.") + line("b.wav", 1800, "ONE", "de-DE") +
                              R"({"audio_filepath": "c.wav", "speaker": 7, "source": "s"})" + "\nnot json\n");
  const Statistics statistics = statistics_of(std::span(&entries, 1), {});
  EXPECT_EQ(statistics.total.utterances, 3);
  EXPECT_DOUBLE_EQ(statistics.total.hours, 1.5);
  EXPECT_DOUBLE_EQ(statistics.languages.at("de-DE").hours, 0.5);
  EXPECT_EQ(statistics.languages.at("").utterances, 1);
  EXPECT_EQ(statistics.sources.at("s").utterances, 1);
  EXPECT_EQ(statistics.speakers, 1u);
  EXPECT_EQ(statistics.words, 3);
  EXPECT_EQ(statistics.different_words, 2u);
  EXPECT_EQ(statistics.unusable_lines, 1);
  EXPECT_EQ(statistics.without_duration, 1);
  EXPECT_EQ(statistics.without_text, 1);
  std::int64_t in_bars = 0;
  for (const HistogramBar& bar : statistics.histogram) in_bars += bar.utterances;
  EXPECT_EQ(in_bars, 2);
}

}  // namespace
}  // namespace glossa::data
