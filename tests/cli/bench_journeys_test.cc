// `glossa bench` from end to end on the bundled model: what it says, never how fast.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"

namespace glossa {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Workplace;

// In the workplace: a benchmark makes files beside the model.
std::string copied_model(const Workplace& here) {
  const auto model = here / "small.nemo";
  std::filesystem::copy_file(GLOSSA_SMALL_MODEL, model);
  return model.string();
}

void expect_positive(const json& object, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ASSERT_TRUE(object.contains(name)) << name << " in " << object;
    ASSERT_TRUE(object[name].is_number()) << name;
    EXPECT_GT(object[name].get<double>(), 0) << name;
  }
}

void expect_latency(const json& latency) {
  expect_positive(latency, {"count", "mean", "p10", "p50", "p95", "p99", "largest"});
  EXPECT_LE(latency["p50"], latency["p95"]);
  EXPECT_LE(latency["p95"], latency["p99"]);
  EXPECT_LE(latency["p99"], latency["largest"]);
}

void expect_ratio(const json& line, const std::string& value, const std::string& floor) {
  const json pointer = line.at(json::json_pointer(value));
  const double expected = pointer.get<double>() / line[floor].get<double>();
  EXPECT_NEAR(line["floor_ratio"].get<double>(), expected, 1e-6 * expected);
}

TEST(Bench, JsonHasEveryFigureBesideItsFloor) {
  const Workplace here;
  const std::string model = copied_model(here);
  const auto run = here.glossa({"bench", "--json", "--quiet", "--model", model, "--sections",
                                "chunk,memory,start", "--seconds", "1", "--threads", "1", "--profile"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  const json report = json::parse(run.out);
  EXPECT_FALSE(report["version"].get<std::string>().empty());

  const json& machine = report["machine"];
  expect_positive(machine, {"cores", "threads", "read_gb_per_s", "int8_gop_per_s", "f32_gflop_per_s"});
  EXPECT_EQ(machine["threads"], 1);
  EXPECT_FALSE(machine["kernels"].get<std::string>().empty());
  expect_positive(report["model"], {"parameters", "weight_bytes_per_step", "multiply_adds_per_frame"});
  EXPECT_EQ(report["model"]["weights"], "int8");
  EXPECT_EQ(report["model"]["kv_cache"], "int8");
  EXPECT_EQ(report["model"]["path"], model);

  const json& sections = report["sections"];
  EXPECT_EQ(sections.size(), 4u) << "chunk, memory, start and the profile";
  // Five contexts with 1 and 8 streams, and all contexts together.
  ASSERT_EQ(sections["chunk"].size(), 11u);
  EXPECT_EQ(sections["chunk"][0]["setting"], "[56,0]");
  EXPECT_EQ(sections["chunk"][10]["setting"], "mixed");
  EXPECT_EQ(sections["chunk"][10]["frames_per_step"], 1 + 2 + 4 + 7 + 14);
  for (const json& line : sections["chunk"]) {
    SCOPED_TRACE(line["setting"]);
    expect_positive(line, {"streams", "frames_per_step", "chunk_ms", "floor_ms", "real_time_factor"});
    expect_latency(line["latency_ms"]);
    expect_ratio(line, "/latency_ms/p10", "floor_ms");
    EXPECT_GE(line["tokens_per_second"].get<double>(), 0);
    EXPECT_NEAR(line["real_time_factor"].get<double>() * line["chunk_ms"].get<double>(),
                line["latency_ms"]["p50"].get<double>(), 1e-6);
  }

  ASSERT_EQ(sections["stages"].size(), 6u);
  for (const json& line : sections["stages"]) {
    double share = 0;
    for (const json& stage : line["stages"]) share += stage["share"].get<double>();
    EXPECT_NEAR(share, 1, 0.05);
    EXPECT_NEAR(line["idle_share"].get<double>(), 0, 1e-9) << "one thread never waits";
  }

  ASSERT_EQ(sections["start"].size(), 3u);
  EXPECT_EQ(sections["start"][0]["kind"], "packing");
  EXPECT_EQ(sections["start"][1]["kind"], "cold");
  EXPECT_EQ(sections["start"][2]["kind"], "warm");
  for (const json& line : sections["start"]) {
    expect_positive(line, {"begin_seconds", "load_seconds", "first_chunk_seconds", "floor_seconds"});
    EXPECT_GE(line["first_chunk_seconds"], line["load_seconds"]);
    expect_ratio(line, "/first_chunk_seconds", "floor_seconds");
  }

  const json& memory = sections["memory"];
  expect_positive(memory, {"further_streams", "floor_bytes"});
  expect_positive(memory["loaded_bytes"], {"resident", "anonymous", "mapped_files"});
  EXPECT_GT(memory["one_stream_bytes"]["resident"], memory["floor_bytes"]);
  EXPECT_GT(memory["bytes_per_further_stream"].get<double>(), 0);
  expect_ratio(memory, "/one_stream_bytes/resident", "floor_bytes");

  // The model, its packed weights, and what the workplace itself writes: the start's folder is gone.
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(here / "")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(".std")) files.push_back(name);
  }
  EXPECT_THAT(files, ::testing::UnorderedElementsAre("small.nemo", "small.nemo.int8.packed"));
}

TEST(Bench, TablesAndOneSetting) {
  const Workplace here;
  const auto run =
      here.glossa({"bench", "--model", copied_model(here), "--weights", "int4", "--weight-cache", "off",
                   "--sections", "chunk,live,offline", "--seconds", "1", "--streams", "2",
                   "--att-context-size", "[56,3]", "--audio", testing::golden_audio("len1.wav")});
  // One sample of sound is enough to repeat.
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.out.starts_with("machine: ")) << run.out;
  for (const char* text : {"\nmodel: ", "weights int4", "kv-cache int8", "\nChunk latency", "\nLive streams",
                           "\nOffline", "x floor", "[56,3] ", "len1.wav"}) {
    EXPECT_THAT(run.out, HasSubstr(text));
  }
  EXPECT_THAT(run.err, HasSubstr("live streams: [56,3]: 2 "));
  EXPECT_FALSE(std::filesystem::exists(here / "small.nemo.int4.packed"));
}

TEST(Bench, ExactlySoManyLiveStreams) {
  const Workplace here;
  const auto run = here.glossa({"bench", "--json", "--quiet", "--model", copied_model(here), "--weights",
                                "f32", "--sections", "live", "--seconds", "1", "--streams", "3",
                                "--att-context-size", "56,0", "--att-context-size", "mixed"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json lines = json::parse(run.out)["sections"]["live"];
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["setting"], "mixed");
  for (const json& line : lines) {
    EXPECT_EQ(line["streams"], 3);
    expect_positive(line, {"ceiling_streams", "chunk_ms"});
    EXPECT_EQ(line["streams_held"], line["holds"].get<bool>() ? 3 : 0);
    EXPECT_NEAR(line["ceiling_ratio"].get<double>() * line["ceiling_streams"].get<double>(),
                line["streams_held"].get<double>(), 1e-6);
    // A machine too busy for three streams gives up before a chunk is measured.
    if (line["latency_ms"]["count"] > 0) expect_latency(line["latency_ms"]);
    EXPECT_TRUE(line["holds"].is_boolean());
  }
}

}  // namespace
}  // namespace glossa
