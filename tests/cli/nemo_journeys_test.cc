// NeMo's own command line with only the program replaced. Oracle: what NeMo's streaming loop recognised.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"

namespace glossa {
namespace {

using testing::golden_audio;
using testing::golden_case;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::lines_of;
using ::testing::Not;
using testing::Workplace;

void write_manifest(const Workplace& here, const nlohmann::json& golden,
                    const std::vector<std::string>& references) {
  std::string text;
  for (std::size_t index = 0; index < golden["audio"].size(); ++index) {
    nlohmann::json entry = {{"audio_filepath", golden_audio(golden["audio"][index])},
                            {"duration", 1.0},
                            {"target_lang", "el-GR"}};  // NeMo's script does not look at it
    if (index < references.size()) entry["text"] = references[index];
    text += entry.dump() + "\n";
  }
  here.write("set.v1.json", text);
}

TEST(NemoWords, BatchOfThreeAsNeMo) {
  const Workplace here;
  const auto golden = golden_case("tiny", "stream_batch3");
  write_manifest(here, golden,
                 {"the rain", "The river was quiet", "El mapa muestra tres puentes y un barco. <es-ES>"});
  const std::string out = (here / "out").string();
  const auto run = here.glossa({"transcribe", "--weights", "f32", "model_path=" + golden_model("tiny"),
                                "dataset_manifest=" + (here / "set.v1.json").string(), "output_path=" + out,
                                "att_context_size=[56,3]", "batch_size=3", "cuda=0"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("does not use cuda"));
  const auto lines = lines_of(here.read("out/streaming_out_tiny_set.v1.json"));
  ASSERT_EQ(lines.size(), 3u);
  for (std::size_t index = 0; index < lines.size(); ++index) {
    const auto line = nlohmann::json::parse(lines[index]);
    EXPECT_EQ(line["pred_text"], golden["steps"].back()["text"][index]);
    EXPECT_EQ(line.size(), 3u);
  }
  EXPECT_EQ(nlohmann::json::parse(lines[2])["wer"], 0.0);
  // By hand: "youraa the the the the the the therof" against "the rain": 8 words, one of them right: 7 edits
  // of 2.
  EXPECT_EQ(nlohmann::json::parse(lines[0])["wer"], 350.0);
  EXPECT_THAT(lines_of(run.out), ::testing::ElementsAre(HasSubstr("WER% of streaming mode: ")));
}

TEST(NemoWords, UniformChunksAndTags) {
  const Workplace here;
  for (const auto& [name, more] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"stream_A_56_3", {}},
           {"stream_A_56_3_paddrop", {"pad_and_drop_preencoded=true"}},
           {"stream_A_56_13", {"att_context_size=[56, 13]"}},
           {"stream_A_56_13_paddrop", {"++att_context_size=[56,13]", "pad_and_drop_preencoded=True"}},
           {"stream_prompt_de-DE", {"target_lang=de-DE"}}}) {
    const auto golden = golden_case("tiny", name);
    std::vector<std::string> arguments = {"transcribe",
                                          "--quiet",
                                          "--weights",
                                          "f32",
                                          "model_path=" + golden_model("tiny"),
                                          "audio_file=" + golden_audio(golden["audio"][0])};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (more.empty() || !more[0].ends_with("13]")) arguments.push_back("att_context_size=[56,3]");
    const auto run = here.glossa(arguments);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, golden["steps"].back()["text"][0].get<std::string>() + "\n") << name;
  }
  const auto stripped = here.glossa({"transcribe", "--weights", "f32", "model_path=" + golden_model("tiny"),
                                     "audio_file=" + golden_audio("en-US_0.wav"), "att_context_size=[56,3]",
                                     "strip_lang_tags=true"});
  EXPECT_EQ(stripped.out, "The river was quiet before unrne.\n");
}

TEST(NemoWords, ComparesWithOffline) {
  const Workplace here;
  const auto golden = golden_case("tiny", "stream_A_56_3");
  write_manifest(here, golden, {"The river was quiet before sunrise. <en-US>"});
  const auto run =
      here.glossa({"transcribe", "--quiet", "--weights", "f32", "model_path=" + golden_model("tiny"),
                   "compare_vs_offline=true", "dataset_manifest=" + (here / "set.v1.json").string(),
                   "att_context_size=[56,3]"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  // One word of seven is wrong: 14.29.
  EXPECT_THAT(run.out, HasSubstr("WER% of offline mode: 14.29\n"));
  EXPECT_THAT(run.out, HasSubstr("differ between streaming and offline mode: 0 of 1\n"));
  EXPECT_THAT(run.out, HasSubstr("WER% of streaming mode: 14.29\n"));
}

// A place that cannot be written is told before any work; a disk that is full costs no figures.
TEST(NemoWords, FiguresAreNotLostToTheDisk) {
  const Workplace here;
  write_manifest(here, golden_case("tiny", "stream_A_56_3"), {"The river was quiet before sunrise."});
  const auto run_into = [&](const char* folder) {
    return here.glossa({"transcribe", "--quiet", "--weights", "f32", "model_path=" + golden_model("tiny"),
                        "output_path=" + (here / folder).string(),
                        "dataset_manifest=" + (here / "set.v1.json").string()});
  };
  const std::string file = "streaming_out_tiny_set.v1.json";
  std::filesystem::create_directories(here / "taken" / file);
  const auto taken = run_into("taken");
  EXPECT_EQ(taken.exit_code, 3);
  EXPECT_EQ(taken.out, "");
  EXPECT_THAT(taken.err, HasSubstr(file + ": cannot write the file"));
  std::filesystem::create_directories(here / "full");
  std::filesystem::create_symlink("/dev/full", here / "full" / file);
  const auto full = run_into("full");
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.out, HasSubstr("WER% of streaming mode: "));
  EXPECT_THAT(full.err, HasSubstr(file + ": cannot write the file"));
}

TEST(NemoWords, WithoutEveryReferenceThereIsNoRate) {
  const Workplace here;
  write_manifest(here, golden_case("tiny", "stream_batch3"), {"only one"});
  const auto run = here.glossa(
      {"transcribe", "--quiet", "--weights", "f32", "model_path=" + golden_model("tiny"),
       "output_path=" + (here / "out").string(), "dataset_manifest=" + (here / "set.v1.json").string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("WER")));
  EXPECT_EQ(lines_of(run.out).size(), 3u);
  EXPECT_FALSE(std::filesystem::exists(here / "out/streaming_out_tiny_set.v1.json"));
}

TEST(NemoWords, AudioFolder) {
  const Workplace here;
  std::filesystem::create_directories(here / "in/deep");
  std::filesystem::copy_file(golden_audio("en-US_0.wav"), here / "in/deep/a.wav");
  std::filesystem::copy_file(golden_audio("len1.wav"), here / "in/b.wav");
  here.write("in/c.flac", "not looked at");
  const auto run = here.glossa({"transcribe", "--quiet", "--weights", "f32",
                                "model_path=" + golden_model("tiny"), "audio_dir=" + (here / "in").string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(lines_of(run.out).size(), 2u);
}

}  // namespace
}  // namespace glossa
