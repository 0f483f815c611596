// What goes wrong says so in one line on stderr, with the promised exit code and nothing on stdout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "cli/program.h"

namespace glossa {
namespace {

using ::testing::ContainsRegex;
using testing::golden_audio;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::lines_of;
using ::testing::Not;
using testing::Workplace;

constexpr int kWrongUsage = 2;
constexpr int kUnusableInput = 3;

struct Mistake {
  std::vector<std::string> arguments;
  int exit_code;
  std::string says;
};

TEST(Errors, OneLineAndAnExitCode) {
  const Workplace here;
  here.write("not-a-model.nemo", "hello");
  here.write("broken.gguf", "GGUF");
  here.write("raw.nemo", std::string(600, '\x9b'));
  here.write("broken.json", "{\"audio_filepath\": 3}\n");
  here.write("garbage.wav", "RIFFxxxx");
  std::filesystem::create_directories(here / "empty");
  const std::string model = golden_model("tiny");
  const std::string audio = golden_audio("en-US_0.wav");
  const auto at = [&](const char* name) { return (here / name).string(); };
  const std::vector<Mistake> mistakes = {
      {{"frobnicate"}, kWrongUsage, "expected transcribe, "},
      {{"transcribe"}, kWrongUsage, "got nothing"},
      {{"transcribe", "--no-such-option", audio}, kWrongUsage, "--no-such-option"},
      {{"transcribe", "--threads", "many", audio}, kWrongUsage, "--threads"},
      {{"transcribe", "--batch-size", "0", audio}, kWrongUsage, "--batch-size"},
      {{"transcribe", "--format", "doc", audio}, kWrongUsage, "got doc, from --format"},
      {{"transcribe", "--streaming", "fast", audio}, kWrongUsage, "got fast, from --streaming"},
      {{"transcribe", "--att-context-size", "56", audio}, kWrongUsage, "got 56, from --att-context-size"},
      {{"transcribe", "--weights", "f32", "--model", model, "--att-context-size", "56,4", audio},
       kWrongUsage,
       "[56,4]"},
      {{"transcribe", "--weights", "f32", "--model", model, "--latency", "100ms", audio},
       kWrongUsage,
       "got 100ms, from --latency"},
      {{"transcribe", "--weights", "f32", "--model", model, "--latency", "80ms", "--att-context-size", "1,0",
        audio},
       kWrongUsage,
       "excludes"},
      {{"transcribe", "--weights", "f32", "--model", model, "--target-lang", "grc", audio},
       kWrongUsage,
       "grc"},
      {{"transcribe", "--weights", "f32", "--model", model, "--backend", "abacus", audio},
       kWrongUsage,
       "abacus"},
      {{"transcribe", "--weights", "f32", "--model", model, "--format", "srt", audio, audio},
       kWrongUsage,
       "--output-path"},
      {{"transcribe", "--weights", "f32", "--model", model, "--partials", "--format", "vtt", audio},
       kWrongUsage,
       "--partials"},
      {{"transcribe", "--weights", "f32", "--model", model, "--draft-latency", "80ms", audio},
       kWrongUsage,
       "--draft-latency"},
      {{"transcribe", "--weights", "f32", "--model", model, "--latency", "80ms", "--draft-latency", "80ms",
        "--partials", audio},
       kWrongUsage,
       "shorter chunks"},
      {{"transcribe", "--model", at("nowhere.nemo"), audio}, kUnusableInput, "nowhere.nemo"},
      {{"transcribe", "--model", at("not-a-model.nemo"), audio}, kUnusableInput, "not-a-model.nemo"},
      {{"transcribe", "--weights", "f32", "--model", model, at("nowhere.wav")},
       kUnusableInput,
       "nowhere.wav"},
      {{"transcribe", "--weights", "f32", "--model", model, at("garbage.wav")},
       kUnusableInput,
       "garbage.wav"},
      {{"transcribe", "--weights", "f32", "--model", model, at("empty")},
       kUnusableInput,
       "nothing to transcribe"},
      {{"transcribe", "--weights", "f32", "--model", model, "--dataset-manifest", at("broken.json")},
       kUnusableInput,
       "broken.json:1"},
      {{"transcribe", "--weights", "f32", "--model", model, "--dataset-manifest", at("nowhere.json")},
       kUnusableInput,
       "nowhere.json"},
      {{"transcribe", "model_path=" + model, "audio_fil=" + audio},
       kWrongUsage,
       "nearest known one: audio_file"},
      {{"transcribe", "model_path=" + model, "rnnt_decoding.strategy=beam", "audio_file=" + audio},
       kWrongUsage,
       "greedy_batch"},
      {{"transcribe", "model_path=" + model, audio}, kWrongUsage, "cannot be mixed"},
      {{"transcribe", "--format", "json", "audio_file=" + audio}, kWrongUsage, "--format"},
      {{"info", at("nowhere.nemo")}, kUnusableInput, "nowhere.nemo"},
      {{"languages", at("not-a-model.nemo")}, kUnusableInput, "not-a-model.nemo"},
      {{"convert", model, model, "--dtype", "f16"}, kWrongUsage, "OUT"},
      {{"convert", model, at("x.nemo"), "--dtype", "f8"}, kWrongUsage, "got f8"},
      {{"convert", model, at("x.nemo")}, kWrongUsage, "--dtype"},
      {{"transcribe", "--weights", "q8_0", audio}, kWrongUsage, "expected f32, bf16, int8, int4, got q8_0"},
      {{"transcribe", "--kv-cache", "int4", audio}, kWrongUsage, "got int4"},
      {{"bench", "--sections", "chunk,speed"}, kWrongUsage, "expected chunk, live, offline, start, memory"},
      {{"bench", "--att-context-size", "56"}, kWrongUsage, "got 56, from --att-context-size"},
      {{"bench", "--weights", "f32", "--model", model, "--att-context-size", "56,4"}, kWrongUsage, "[56,4]"},
      {{"bench", "--streams", "some"}, kWrongUsage, "got some"},
      {{"bench", "--seconds", "0"}, kWrongUsage, "--seconds"},
      {{"bench", "--model", at("nowhere.nemo")}, kUnusableInput, "nowhere.nemo"},
      {{"bench", "--weights", "f32", "--model", model, "--audio", at("nowhere.wav")},
       kUnusableInput,
       "nowhere.wav"},
      {{"convert", model, at("x.nemo"), "--dtype", "q8_0"},
       kWrongUsage,
       "expected f32, f16 or bf16, got q8_0"},
      {{"convert", model, at("x.gguf"), "--dtype", "q6_k"}, kWrongUsage, "got q6_k"},
      {{"convert", model, at("x.onnx"), "--dtype", "f16"},
       kWrongUsage,
       "ends in .nemo or .gguf, or a folder"},
      {{"convert", at("broken.gguf"), at("x.nemo"), "--dtype", "f16"},
       kUnusableInput,
       "broken.gguf: truncated"},
      {{"info", audio}, kUnusableInput, "en-US_0.wav: a sound file (expected a .nemo or .gguf checkpoint"},
      {{"info", at("raw.nemo")}, kUnusableInput, "raw.nemo: not a tar archive"},
      {{"info", at("broken.gguf")}, kUnusableInput, "broken.gguf: truncated"},
      {{"dump", model, at("nowhere.wav"), "--output", at("d")}, kUnusableInput, "nowhere.wav"},
  };
  for (const Mistake& mistake : mistakes) {
    const auto run = here.glossa(mistake.arguments);
    SCOPED_TRACE(::testing::PrintToString(mistake.arguments));
    EXPECT_EQ(run.exit_code, mistake.exit_code);
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
    EXPECT_TRUE(run.err.starts_with("glossa: ")) << run.err;
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
    EXPECT_EQ(run.err.find('\x9b'), std::string::npos) << "what a file holds is not for a terminal";
  }
}

TEST(Errors, ABadFileDoesNotStopTheOthers) {
  const Workplace here;
  here.write("bad.wav", "no sound");
  const auto run =
      here.glossa({"transcribe", "--quiet", "--weights", "f32", "--model", golden_model("tiny"),
                   golden_audio("en-US_0.wav"), (here / "bad.wav").string(), golden_audio("es-ES_5.wav")});
  EXPECT_EQ(run.exit_code, kUnusableInput);
  EXPECT_EQ(lines_of(run.out).size(), 2u);
  EXPECT_THAT(run.err, HasSubstr("bad.wav"));
  EXPECT_THAT(run.err, HasSubstr("1 of 3 inputs could not be used"));
}

TEST(Errors, AWrongLanguageInAManifestNamesItsLine) {
  const Workplace here;
  const nlohmann::json good = {{"audio_filepath", golden_audio("es-ES_5.wav")}};
  nlohmann::json bad = good;
  bad["target_lang"] = "tlh";
  here.write("m.json", good.dump() + "\n" + bad.dump() + "\n");
  const std::vector<std::string> words = {"transcribe",
                                          "--quiet",
                                          "--weights",
                                          "f32",
                                          "--model",
                                          golden_model("tiny"),
                                          "--dataset-manifest",
                                          (here / "m.json").string()};
  const auto run = here.glossa(words);
  EXPECT_EQ(run.exit_code, kUnusableInput);
  EXPECT_EQ(lines_of(run.out).size(), 1u);
  EXPECT_THAT(run.err, HasSubstr("m.json:2"));
  auto forgiving = words;
  forgiving.push_back("--fallback-to-auto");
  EXPECT_EQ(here.glossa(forgiving).exit_code, 0);
}

TEST(Errors, AFullDiskForHelp) {
  for (const char* words : {"--help", "transcribe --help", "--version"}) {
    std::string command = GLOSSA_PROGRAM " ";
    command.append(words).append(" >/dev/full 2>/dev/null");
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), kUnusableInput) << words;
  }
}

// A closed descriptor's number must not be given to a file, which would get what is printed.
TEST(Errors, ClosedDescriptors) {
  const Workplace here;
  const std::string words = " " + golden_model("tiny") + " " + golden_audio("en-US_0.wav") + " --output ";
  const auto dump = [&](const std::string& name, const char* closed) {
    const std::string command =
        std::string(GLOSSA_PROGRAM) + " dump" + words + (here / name).string() + closed;
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(dump("open", " >/dev/null"), 0);
  EXPECT_EQ(dump("closed", " <&- >&- 2>&-"), kUnusableInput) << "stdout cannot be written";
  for (const auto& file : std::filesystem::directory_iterator(here / "open")) {
    const std::string name = file.path().filename().string();
    EXPECT_EQ(here.read("closed/" + name), here.read("open/" + name)) << name;
  }
}

TEST(Help, ListsWhatThereIs) {
  const Workplace here;
  const auto help = here.glossa({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"transcribe", "live", "convert", "info", "languages", "dump", "bench"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    const auto more = here.glossa({command, "--help"});
    EXPECT_EQ(more.exit_code, 0);
    EXPECT_THAT(more.out, HasSubstr(std::string("Usage: glossa ") + command));
    for (const std::string& line : lines_of(more.out)) EXPECT_LE(line.size(), 110u) << line;
  }
  // What the parser would add of its own.
  for (const std::vector<std::string>& words : {std::vector<std::string>{"evaluate", "--help"},
                                                {"data", "check", "--help"},
                                                {"data", "mix", "--help"},
                                                {"data", "tar", "--help"},
                                                {"lm", "--help"}}) {
    const std::string help_text = here.glossa(words).out;
    EXPECT_THAT(help_text, Not(ContainsRegex("[A-Z]:[A-Z{]"))) << words[0];
    EXPECT_THAT(help_text, Not(HasSubstr("(default: ["))) << words[0];
  }
  EXPECT_TRUE(here.glossa({"--version"}).out.starts_with("glossa "));
  const auto nothing = here.glossa({});
  EXPECT_EQ(nothing.exit_code, kWrongUsage);
  EXPECT_THAT(nothing.out, IsEmpty());
}

}  // namespace
}  // namespace glossa
