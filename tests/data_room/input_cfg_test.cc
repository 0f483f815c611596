#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audio/sound_files.h"
#include "base/log.h"
#include "data/cut_sources.h"
#include "support/files.h"
#include "support/message_of.h"

namespace glossa::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::write_bytes;

class InputCfg : public ::testing::Test {
 protected:
  // a.json has one cut, b.json two, c.json three.
  InputCfg() {
    std::string lines;
    for (const char* name : {"a", "b", "c"}) {
      lines += "{\"audio_filepath\": \"x.wav\", \"duration\": 1, \"lang\": \"xx\"}\n";
      write_bytes(folder_ / (std::string(name) + ".json"), lines);
    }
  }
  ~InputCfg() override { log::set_sink({}); }

  std::vector<WeightedCuts> read(const std::string& yaml) { return read_input_cfg(yaml, folder_.path(), {}); }

  std::string error_of(const std::string& yaml) {
    return testing::message_of([&] { read(yaml); });
  }

  testing::TemporaryFolder folder_;
};

TEST_F(InputCfg, WithoutWeightsAStreamCountsByItsCuts) {
  const auto streams = read(
      "- {type: nemo, manifest_filepath: a.json}\n- {type: nemo, manifest_filepath: [b.json, [c.json]], "
      "corpus: bc}\n");
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[0].weight, 1);
  EXPECT_EQ(streams[0].name, "a.json");
  EXPECT_EQ(streams[1].weight, 5);
  EXPECT_EQ(streams[1].name, "bc");
  EXPECT_EQ(streams[1].cuts.size(), 5u);
}

// What the limits leave out is not drawn: its stream would be drawn as often, from the few cuts that are
// left.
TEST_F(InputCfg, WithoutWeightsCutsOutsideTheLimitsDoNotCount) {
  std::string lines;
  for (const char* seconds : {"1", "30", "30", "0.1"})
    lines += std::string(R"({"audio_filepath": "x.wav", "duration": )") + seconds + "}\n";
  write_bytes(folder_ / "long.json", lines);
  const SourceOptions options = {.limits = {.least = 0.5, .most = 20}};
  const auto streams = read_input_cfg(
      "- {type: nemo, manifest_filepath: c.json}\n- {type: group, input_cfg: [{type: nemo, "
      "manifest_filepath: "
      "long.json}]}\n",
      folder_.path(), options);
  EXPECT_EQ(streams[0].weight, 3);
  EXPECT_EQ(streams[1].weight, 1);
  EXPECT_EQ(streams[1].cuts.size(), 4u);
}

// By hand: of the group's 0.6 the inner group gets 3/4; there b gets 2/5 and c 3/5, by their numbers of cuts.
TEST_F(InputCfg, NestedGroupsMultiply) {
  const auto streams = read(R"(
- {type: nemo, manifest_filepath: a.json, weight: 0.4}
- type: group
  weight: 0.6
  name: outer
  input_cfg:
  - {type: nemo, manifest_filepath: a.json, weight: 1}
  - type: group
    weight: 3
    input_cfg:
    - {type: nemo, manifest_filepath: b.json}
    - {type: nemo, manifest_filepath: c.json}
)");
  ASSERT_EQ(streams.size(), 4u);
  EXPECT_DOUBLE_EQ(streams[0].weight, 0.4);
  EXPECT_DOUBLE_EQ(streams[1].weight, 0.6 / 4);
  EXPECT_EQ(streams[1].name, "outer/a.json");
  EXPECT_DOUBLE_EQ(streams[2].weight, 0.6 * 3 / 4 * 2 / 5);
  EXPECT_DOUBLE_EQ(streams[3].weight, 0.6 * 3 / 4 * 3 / 5);
}

TEST_F(InputCfg, TagsGoToEveryCutAndOuterOnesWin) {
  const auto streams = read(R"(
- type: group
  tags: {target_lang: el-GR}
  input_cfg:
  - {type: nemo, manifest_filepath: b.json, tags: {lang: de-DE, prompt_mode: langID, domain: news}}
- {type: nemo, manifest_filepath: a.json}
)");
  EXPECT_EQ(streams[0].cuts[1].target_lang, "el-GR");
  EXPECT_EQ(streams[0].cuts[1].prompt_mode, "langID");
  EXPECT_EQ(streams[1].cuts[0].target_lang, "xx");
}

TEST_F(InputCfg, FromFiles) {
  write_bytes(folder_ / "inner.yaml", "- {type: nemo, manifest_filepath: c.json}\n");
  write_bytes(folder_ / "cfg.yaml", "- {type: group, input_cfg: inner.yaml}\n");
  const auto streams = read("cfg.yaml");
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0].cuts.size(), 3u);
  EXPECT_EQ(streams[0].weight, 3);
}

TEST_F(InputCfg, UnknownKeysAreWarnedOf) {
  std::string warning;
  log::set_sink([&](log::Level, std::string_view message) { warning = message; });
  read("- {type: nemo, manifest_filepath: a.json, wieght: 3}");
  EXPECT_THAT(warning, AllOf(HasSubstr("input_cfg[0]"), HasSubstr("wieght")));
}

TEST_F(InputCfg, Errors) {
  EXPECT_THAT(
      error_of(
          "- {type: nemo, manifest_filepath: a.json, weight: 1}\n- {type: nemo, manifest_filepath: b.json}"),
      HasSubstr("1 of 2"));
  EXPECT_THAT(error_of("- {type: txt, manifest_filepath: a.json}"), HasSubstr("'txt' is not supported"));
  EXPECT_THAT(error_of("- {type: nemo}"), HasSubstr("manifest_filepath"));
  EXPECT_THAT(error_of("- {manifest_filepath: a.json}"), HasSubstr("no type"));
  EXPECT_THAT(error_of("- {type: nemo, manifest_filepath: a.json, weight: -1}"), HasSubstr("got -1"));
  EXPECT_THAT(error_of("- {type: nemo, manifest_filepath: none.json}"), HasSubstr("none.json"));
  EXPECT_THAT(error_of("- {type: nemo_tarred, manifest_filepath: a.json}"),
              HasSubstr("tarred_audio_filepaths"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected a list"));
  EXPECT_THAT(error_of("[1"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("none.yaml"), HasSubstr("none.yaml"));
  write_bytes(folder_ / "self.yaml", "- {type: group, input_cfg: self.yaml}\n");
  EXPECT_THAT(error_of("self.yaml"), HasSubstr("too deeply"));
}

}  // namespace
}  // namespace glossa::data
