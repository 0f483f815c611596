#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/caption_printer.h"
#include "cli/output_formats.h"
#include "cli/output_writer.h"
#include "cli/partial_printer.h"
#include "cli/transcribe_nemo.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

Recognition example() {
  Recognition recognition;
  recognition.audio_filepath = "a \"b\".wav";
  recognition.processing_seconds = 0.12345;
  Transcript& transcript = recognition.transcript;
  transcript.text = "Γεια σου.";
  transcript.language = "el-GR";
  transcript.duration = 1.0 / 3;
  transcript.sentences = {{"Γεια σου.", "el-GR", 0.08, 0.24}};
  transcript.words = {{"Γεια", 0.08, 0.16, 0.5f, "el-GR"}, {"σου.", 0.16, 0.24, 0.12345f, "el-GR"}};
  transcript.tokens = {{.id = 7, .frame = 1}, {.id = 9, .frame = 2}};
  return recognition;
}

TEST(Formats, JsonIsOneLineInTheDocumentedOrder) {
  EXPECT_EQ(
      format_recognition(example(), OutputFormat::kJson),
      "{\"audio_filepath\":\"a \\\"b\\\".wav\",\"duration\":0.333,\"text\":\"Γεια "
      "σου.\",\"language\":\"el-GR\","
      "\"sentences\":[{\"text\":\"Γεια σου.\",\"language\":\"el-GR\",\"start\":0.08,\"end\":0.24}],"
      "\"words\":[{\"word\":\"Γεια\",\"start\":0.08,\"end\":0.16,\"confidence\":0.5,\"language\":\"el-GR\"},"
      "{\"word\":\"σου.\",\"start\":0.16,\"end\":0.24,\"confidence\":0.1235,\"language\":\"el-GR\"}],"
      "\"tokens\":[7,9],\"token_frames\":[1,2],\"processing_seconds\":0.123}\n");
}

TEST(Formats, JsonOfSilenceHasEmptyLists) {
  const auto object = nlohmann::json::parse(format_recognition({}, OutputFormat::kJson));
  EXPECT_EQ(object["text"], "");
  for (const char* list : {"sentences", "words", "tokens", "token_frames"}) {
    EXPECT_TRUE(object[list].is_array() && object[list].empty()) << list;
  }
}

TEST(Formats, JsonSurvivesAFileNameThatIsNotUtf8) {
  Recognition recognition = example();
  recognition.audio_filepath = "a\xff.wav";
  EXPECT_TRUE(nlohmann::json::accept(format_recognition(recognition, OutputFormat::kJson)));
}

TEST(Formats, Text) { EXPECT_EQ(format_recognition(example(), OutputFormat::kText), "Γεια σου.\n"); }

TEST(Formats, AConversationTellsWhoSaidWhat) {
  std::vector<Recognition> channels = {example(), example()};
  channels[1].transcript.sentences.front().start = 0.04;
  channels[1].alternatives = {{.text = "Γεια.", .score = -1}};
  EXPECT_EQ(format_conversation(channels, OutputFormat::kText), "2: Γεια σου.\n1: Γεια σου.\n");
  const auto object = nlohmann::json::parse(format_conversation(channels, OutputFormat::kJson));
  EXPECT_EQ(object["duration"], 0.333);
  EXPECT_EQ(object["processing_seconds"], 0.247);
  ASSERT_EQ(object["sentences"].size(), 2u);
  EXPECT_EQ(object["sentences"][0]["channel"], 2);
  EXPECT_EQ(object["sentences"][0]["start"], 0.04);
  ASSERT_EQ(object["channels"].size(), 2u);
  // All that a recording of one channel has of what was said.
  for (std::size_t index = 0; index < channels.size(); ++index) {
    auto expected = nlohmann::json::parse(format_recognition(channels[index], OutputFormat::kJson));
    for (const char* key : {"audio_filepath", "duration", "processing_seconds"}) expected.erase(key);
    expected["channel"] = index + 1;
    EXPECT_EQ(object["channels"][index], expected);
  }
  EXPECT_TRUE(object["channels"][1].contains("alternatives"));
}

TEST(Formats, Partial) {
  const auto object = nlohmann::json::parse(format_partial_json(example()));
  EXPECT_EQ(object["partial"], true);
  EXPECT_EQ(object["text"], "Γεια σου.");
  EXPECT_FALSE(object.contains("draft"));
  Recognition drafted = example();
  drafted.draft = " Τι";
  EXPECT_EQ(nlohmann::json::parse(format_partial_json(drafted))["draft"], " Τι");
}

TEST(Formats, ATerminalsLineIsTheEndOfTheTextAndTheDraftIsDim) {
  EXPECT_EQ(terminal_line("What is", ""), "What is");
  EXPECT_EQ(terminal_line("What is", " settled"), "What is\033[2m settled\033[22m");
  EXPECT_EQ(terminal_line("", "draft"), "\033[2mdraft\033[22m");
  const std::string long_text(100, 'a');
  EXPECT_EQ(terminal_line(long_text, ""), std::string(78, 'a'));
  EXPECT_EQ(terminal_line(long_text, " it"), std::string(75, 'a') + "\033[2m it\033[22m");
  EXPECT_EQ(terminal_line("settled", long_text), "\033[2m" + std::string(78, 'a') + "\033[22m");
  std::string greek;
  for (int letter = 0; letter < 60; ++letter) greek += "λ";
  EXPECT_EQ(terminal_line("a" + greek, "b"), greek.substr(0, 76) + "\033[2mb\033[22m");
}

TEST(Formats, Captions) {
  const Sentence sentence{.text = "Γεια σου.", .language = "el-GR", .start = 63.2, .end = 64};
  EXPECT_EQ(caption_line(sentence, OutputFormat::kText), "1:03 el-GR  Γεια σου.\n");
  EXPECT_EQ(caption_line({.text = "On.", .start = 7384}, OutputFormat::kText), "2:03:04        On.\n");
  const auto object = nlohmann::json::parse(caption_line(sentence, OutputFormat::kJson));
  EXPECT_EQ(object["text"], sentence.text);
  EXPECT_EQ(object["start"], 63.2);
}

TEST(Formats, Names) {
  EXPECT_EQ(parse_output_format("srt"), OutputFormat::kSrt);
  EXPECT_EQ(file_extension(parse_output_format("text")), ".txt");
  EXPECT_THROW(parse_output_format("SRT"), Error);
}

TEST(Writer, NamesFilesWithoutLosingOne) {
  std::string folder = (fs::temp_directory_path() / "glossa-writer-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  OutputWriter writer(OutputFormat::kText, fs::path(folder) / "new/deep", /*several=*/true);
  for (const char* name : {"x/a.wav", "y/a.wav", "z/a.wav", "x/a.mp3", "-"})
    writer.write({.audio = name}, example());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(folder) / "new/deep")) {
    names.push_back(entry.path().filename().string());
    std::ifstream file(entry.path());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "Γεια σου.\n");
  }
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAre("a.txt", "a.wav.txt", "a-2.txt", "a.mp3.txt", "stdin.txt"));
  fs::remove_all(folder);
}

TEST(Writer, EveryLineOfAConversationHasItsPath) {
  std::vector<Recognition> channels = {example(), example()};
  OutputWriter writer(OutputFormat::kText, "", /*several=*/true);
  ::testing::internal::CaptureStdout();
  writer.write_conversation({.audio = "a.wav"}, channels);
  writer.write_conversation({.audio = "silence.wav"}, std::vector<Recognition>(2));
  writer.write({.audio = "b\nc.wav"}, example());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "a.wav\t1: Γεια σου.\na.wav\t2: Γεια σου.\nb\nc.wav\tΓεια σου.\n");
}

TEST(Writer, SubtitlesOfSeveralInputsNeedAFolder) {
  EXPECT_THROW(OutputWriter(OutputFormat::kSrt, "", true), Error);
  EXPECT_NO_THROW(OutputWriter(OutputFormat::kSrt, "", false));
}

// Python: round(rate * 100, 2) in an f-string.
TEST(Percent, LooksLikePythons) {
  EXPECT_EQ(percent(1.0 / 3), "33.33");
  EXPECT_EQ(percent(0.125), "12.5");
  EXPECT_EQ(percent(0.02675), "2.67");  // 2.675 is a little less in binary
  EXPECT_EQ(percent(0), "0.0");
  EXPECT_EQ(percent(1), "100.0");
  EXPECT_EQ(percent(2.0 / 3), "66.67");
  EXPECT_EQ(percent(std::numeric_limits<double>::infinity()), "inf");
}

TEST(NemoOutputFile, IsNamedByTheScript) {
  NemoKeys keys;
  keys.output_path = "out";
  keys.dataset_manifest = "/data/test.clean.json";
  EXPECT_EQ(nemo_output_file(keys, "/m/nemotron-3.5.nemo"), "out/streaming_out_nemotron-3.5_test.clean.json");
}

}  // namespace
}  // namespace glossa::cli
