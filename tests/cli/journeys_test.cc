// `glossa transcribe` from end to end. Oracle: NeMo's texts, tokens and frames for the same checkpoint and
// sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "support/files.h"
#include "support/little_endian.h"

namespace glossa {
namespace {

using testing::golden_audio;
using testing::golden_case;
using testing::golden_model;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::lines_of;
using testing::ProgramRun;
using testing::Workplace;

// NeMo's numbers are f32, and nothing is heard there behind the sound.
std::vector<std::string> transcribe(std::vector<std::string> more) {
  more.insert(more.begin(), {"transcribe", "--quiet", "--weights", "f32", "--final-silence-ms", "0",
                             "--model", golden_model("tiny")});
  return more;
}

// A file of 16-bit samples at 16 kHz.
std::string wav(int channels, const std::string& samples) {
  using testing::little_endian;
  const auto width = static_cast<std::size_t>(2 * channels);  // bytes of a frame
  return "RIFF" + little_endian(36 + samples.size(), 4) + "WAVEfmt " + little_endian(16, 4) +
         little_endian(1, 2) + little_endian(width / 2, 2) + little_endian(16000, 4) +
         little_endian(16000 * width, 4) + little_endian(width, 2) + little_endian(16, 2) + "data" +
         little_endian(samples.size(), 4) + samples;
}

TEST(Transcribe, TextsAreNeMos) {
  const Workplace here;
  for (const char* name : {"offline_A_56_0", "offline_A_56_3", "offline_A_56_6", "offline_A_56_13"}) {
    const auto golden = golden_case("tiny", name);
    const std::string context = golden["att_context_size"].dump();
    for (const auto& [lang, expected] : golden["prompts"].items()) {
      const std::string audio = golden_audio(golden["audio"]);
      const auto run = here.glossa(transcribe({audio, "--target-lang", lang, "--att-context-size", context}));
      ASSERT_EQ(run.exit_code, 0) << run.err;
      EXPECT_EQ(run.out, expected["text_stripped"].get<std::string>() + "\n") << name << " " << lang;
      EXPECT_THAT(run.err, IsEmpty());
      const auto tagged = here.glossa(
          transcribe({audio, "--target-lang", lang, "--att-context-size", context, "--keep-lang-tags"}));
      EXPECT_EQ(tagged.out, expected["text"].get<std::string>() + "\n") << name << " " << lang;
    }
  }
}

TEST(Transcribe, JsonHasEveryField) {
  const Workplace here;
  const auto golden = golden_case("tiny", "offline_A_56_3");
  const std::string audio = golden_audio("en-US_0.wav");
  const auto run = here.glossa(transcribe({audio, "--latency", "320ms", "--format", "json"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto object = nlohmann::json::parse(run.out);
  const auto& expected = golden["prompts"]["auto"];
  EXPECT_EQ(object["audio_filepath"], audio);
  EXPECT_NEAR(object["duration"].get<double>(), 37038 / 16000.0, 0.0005);
  EXPECT_EQ(object["text"], expected["text_stripped"]);
  EXPECT_EQ(object["language"], "en-US");
  EXPECT_EQ(object["tokens"], expected["tokens"]);
  EXPECT_EQ(object["token_frames"], expected["timestamps"]);
  EXPECT_GE(object["processing_seconds"].get<double>(), 0);
  ASSERT_EQ(object["sentences"].size(), 1u);
  EXPECT_EQ(object["sentences"][0]["language"], "en-US");
  EXPECT_EQ(object["sentences"][0]["text"], expected["text_stripped"]);
  std::string joined;
  double before = 0;
  for (const auto& word : object["words"]) {
    joined += (joined.empty() ? "" : " ") + word["word"].get<std::string>();
    EXPECT_GE(word["start"].get<double>(), before);
    EXPECT_GT(word["end"].get<double>(), word["start"].get<double>());
    EXPECT_GT(word["confidence"].get<double>(), 0);
    EXPECT_LE(word["confidence"].get<double>(), 1);
    EXPECT_EQ(word["language"], "en-US");
    before = word["start"];
  }
  EXPECT_EQ(joined, expected["text_stripped"].get<std::string>());
  EXPECT_EQ(lines_of(run.out).size(), 1u);
}

TEST(Transcribe, SubtitlesFollowTheWords) {
  const Workplace here;
  const std::string audio = golden_audio("en-US_0.wav");
  const auto srt = here.glossa(transcribe({audio, "--latency", "320ms", "--format", "srt"}));
  // NeMo's frames 2 to 28 of 80 ms.
  EXPECT_THAT(srt.out, HasSubstr("1\n00:00:00,160 --> 00:00:0"));
  EXPECT_THAT(srt.out, HasSubstr("The river was quiet before unrne.\n"));
  const auto vtt = here.glossa(transcribe({audio, "--latency", "320ms", "--format", "vtt"}));
  EXPECT_TRUE(vtt.out.starts_with("WEBVTT\n\n00:00:00.160 --> ")) << vtt.out;
  EXPECT_EQ(here.glossa(transcribe({golden_audio("len1.wav"), "--format", "vtt"})).out, "WEBVTT\n\n");
  EXPECT_EQ(here.glossa(transcribe({golden_audio("len1.wav"), "--format", "srt"})).out, "");
}

TEST(Transcribe, BatchesNeverChangeATextAndKeepTheOrder) {
  const Workplace here;
  std::vector<std::string> files;
  for (const char* name : {"es-ES_5.wav", "len1.wav", "long.wav", "en-US_2.wav", "de-DE_7.wav"}) {
    files.push_back(golden_audio(name));
  }
  const auto run_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = files;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return here.glossa(transcribe(arguments));
  };
  const ProgramRun one = run_with({"--batch-size", "1"});
  const auto lines = lines_of(one.out);
  ASSERT_EQ(lines.size(), files.size()) << one.err;
  for (std::size_t index = 0; index < files.size(); ++index) {
    EXPECT_TRUE(lines[index].starts_with(files[index] + "\t")) << lines[index];
  }
  EXPECT_EQ(run_with({"--batch-size", "2"}).out, one.out);
  EXPECT_EQ(run_with({"--batch-size", "8", "--threads", "1"}).out, one.out);
  EXPECT_EQ(run_with({"--streaming", "offline"}).out, one.out);
}

TEST(Transcribe, StdinIsRawPcm) {
  const Workplace here;
  const std::string path = golden_audio("en-US_0.wav");
  const std::string pcm = testing::read_bytes(path).substr(44);
  const std::string expected = here.glossa(transcribe({path, "--latency", "320ms"})).out;
  EXPECT_EQ(here.glossa(transcribe({"-", "--latency", "320ms"}), pcm).out, expected);
  EXPECT_EQ(here.glossa(transcribe({"-"}), "").out, "\n");
}

TEST(Transcribe, StdinMayBeASoundFileToo) {
  const Workplace here;
  for (const char* name : {"formats/flac24_44k_stereo.flac", "formats/pcm16_8k_mono.wav"}) {
    const std::string path = golden_audio(name);
    const auto expected = here.glossa(transcribe({path}));
    EXPECT_EQ(here.glossa(transcribe({"-"}), testing::read_bytes(path)).out, expected.out) << name;
  }
  EXPECT_EQ(here.glossa(transcribe({"-"}), "RIFF----WAVEbroken").exit_code, 3);
}

TEST(Transcribe, AWavThatEndsEarlyOnStdin) {
  const Workplace here;
  const std::string whole = testing::read_bytes(golden_audio("en-US_0.wav"));
  const std::string part = whole.substr(0, whole.size() - 1000);
  const auto run = here.glossa(transcribe({"-"}), part);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.out, here.glossa(transcribe({"-"}), part.substr(44)).out) << "what came is told";
  EXPECT_THAT(run.err, HasSubstr("the file ends early"));
  EXPECT_EQ(here.glossa(transcribe({"-"}), whole.substr(0, whole.size() - 60)).exit_code, 0);
}

// As raw PCM they would be noise, and a text of it.
TEST(Transcribe, CompressedSoundOnStdinIsNotPcm) {
  const Workplace here;
  const std::string aac(
      "\xFF\xF1\x50\x80\x02\x00\xFC"
      "123456789",
      16);
  const std::string rest(64, 'x');
  for (const std::string& begin : {aac + aac, "caff" + rest, "wvpk" + rest, "#!AMR\n" + rest,
                                   "\x30\x26\xB2\x75\x8E\x66\xCF\x11" + rest, "\x1A\x45\xDF\xA3" + rest}) {
    const auto run = here.glossa(transcribe({"-"}), begin);
    EXPECT_EQ(run.exit_code, 3) << begin;
    EXPECT_THAT(run.err, HasSubstr("stdin: cannot decode")) << begin;
    EXPECT_EQ(run.out, "") << begin;
  }
  // Two samples are no mp3.
  const std::string pcm = testing::read_bytes(golden_audio("en-US_0.wav")).substr(44);
  EXPECT_EQ(here.glossa(transcribe({"-"}), "\xFF\xFB\x90\x64" + pcm).exit_code, 0);
}

// Oracle: a file of each channel alone.
TEST(Transcribe, ChannelsByThemselves) {
  const Workplace here;
  const std::vector<std::string> names = {"en-US_0", "es-ES_5"};
  std::vector<std::string> sounds;
  for (const std::string& name : names)
    sounds.push_back(testing::read_bytes(golden_audio(name + ".wav")).substr(44));
  const std::size_t bytes = std::min(sounds[0].size(), sounds[1].size());
  std::string both;
  for (std::size_t at = 0; at < bytes; at += 2) both += sounds[0].substr(at, 2) + sounds[1].substr(at, 2);
  here.write("call.wav", wav(2, both));
  std::vector<nlohmann::json> alone;
  for (std::size_t index = 0; index < sounds.size(); ++index) {
    here.write(names[index] + ".wav", wav(1, sounds[index].substr(0, bytes)));
    const auto run = here.glossa(transcribe({names[index] + ".wav", "--json"}));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    alone.push_back(nlohmann::json::parse(run.out));
    ASSERT_FALSE(alone.back()["sentences"].empty());
  }

  const auto run = here.glossa(transcribe({"call.wav", "--separate-channels", "--json"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto object = nlohmann::json::parse(run.out);
  ASSERT_EQ(object["channels"].size(), 2u);
  std::size_t sentences = 0;
  for (std::size_t index = 0; index < alone.size(); ++index) {
    for (const char* key : {"text", "language", "sentences", "words", "tokens", "token_frames"})
      EXPECT_EQ(object["channels"][index][key], alone[index][key]) << key;
    sentences += alone[index]["sentences"].size();
  }
  EXPECT_EQ(object["sentences"].size(), sentences);

  // A file that is one channel, one that is none, and a part of one beside them.
  const nlohmann::json part = {
      {"audio_filepath", "call.wav"}, {"offset", 0.5}, {"duration", 1}, {"text", ""}};
  here.write("m.json", R"({"audio_filepath": "call.wav"}
{"audio_filepath": "en-US_0.wav"}
{"audio_filepath": "none.wav"}
)" + part.dump() + "\n");
  const auto several = here.glossa(
      transcribe({"--dataset-manifest", "m.json", "--separate-channels", "--json", "--batch-size", "2"}));
  EXPECT_EQ(several.exit_code, 3);
  EXPECT_THAT(several.err, HasSubstr("none.wav: no such file"));
  const auto lines = lines_of(several.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["channels"], object["channels"]);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["channels"].size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["channels"][0]["text"], alone[0]["text"]);
  EXPECT_EQ(nlohmann::json::parse(lines[2])["channels"].size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(lines[2])["duration"], 1);

  for (const char* more : {"-", "--partials"}) {
    const auto wrong = here.glossa(transcribe({"--separate-channels", more, "call.wav"}));
    EXPECT_EQ(wrong.exit_code, 2) << more;
    EXPECT_THAT(wrong.err, HasSubstr("--separate-channels is of files")) << more;
  }
}

TEST(Transcribe, ShardsShareTheInputs) {
  const Workplace here;
  std::filesystem::create_directories(here / "in/deep");
  for (const char* name : {"in/a.wav", "in/b.wav", "in/deep/a.wav"})
    std::filesystem::copy_file(golden_audio("en-US_0.wav"), here / name);
  const std::string in = (here / "in").string();
  const auto all = lines_of(here.glossa(transcribe({in, "--recursive"})).out);
  ASSERT_EQ(all.size(), 3u);
  const auto shard = [&](const char* index, std::vector<std::string> more) {
    more.insert(more.end(), {in, "--recursive", "--num-shards", "2", "--shard-index", index});
    return here.glossa(transcribe(more));
  };
  EXPECT_EQ(shard("0", {}).out, all[0] + "\n" + all[2] + "\n");
  EXPECT_EQ(shard("1", {}).out, all[1] + "\n");
  // Into one folder: the files of one machine.
  for (const char* index : {"0", "1"}) shard(index, {"--output-path", (here / "shards").string()});
  here.glossa(transcribe({in, "--recursive", "--output-path", (here / "one").string()}));
  for (const char* name : {"a.txt", "b.txt", "a.wav.txt"})
    EXPECT_EQ(here.read(std::string("shards/") + name), here.read(std::string("one/") + name)) << name;
  const auto wrong = shard("2", {});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--shard-index is 2, expected 0 to 1"));
  const auto none = here.glossa(transcribe({in + "/a.wav", "--num-shards", "9", "--shard-index", "8"}));
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_EQ(none.out, "");
}

TEST(Transcribe, SegmentsOfAFile) {
  const Workplace here;
  const nlohmann::json whole = {{"audio_filepath", golden_audio("en-US_0.wav")}};
  nlohmann::json to_the_end = whole;
  to_the_end.update({{"offset", 0.5}, {"duration", 0}});
  nlohmann::json part = whole;
  part.update({{"offset", 0.5}, {"duration", 0.25}});
  here.write("m.json",
             part.dump() + "\n" + to_the_end.dump() + "\n" + whole.dump() + "\n" + part.dump() + "\n");
  const auto run = here.glossa(transcribe(
      {"--dataset-manifest", (here / "m.json").string(), "--format", "json", "--batch-size", "3"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::vector<double> seconds;
  for (const std::string& line : lines_of(run.out))
    seconds.push_back(nlohmann::json::parse(line)["duration"]);
  ASSERT_EQ(seconds.size(), 4u);
  EXPECT_DOUBLE_EQ(seconds[0], 0.25);
  EXPECT_DOUBLE_EQ(seconds[1], seconds[2] - 0.5) << "0 is to the end";
  EXPECT_DOUBLE_EQ(seconds[3], 0.25);
}

TEST(Transcribe, PartialsGrowIntoTheText) {
  const Workplace here;
  const std::string path = golden_audio("en-US_0.wav");
  const std::string pcm = testing::read_bytes(path).substr(44);
  const auto run =
      here.glossa(transcribe({"-", "--latency", "320ms", "--partials", "--format", "json"}), pcm);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto lines = lines_of(run.out);
  const auto steps = golden_case("tiny", "stream_A_56_3")["steps"];
  ASSERT_GT(lines.size(), 3u);
  // The first partial is what NeMo knows after its first step that emits something.
  EXPECT_EQ(nlohmann::json::parse(lines[0])["text"], steps[0]["text"][0]);
  for (std::size_t index = 0; index + 1 < lines.size(); ++index) {
    EXPECT_EQ(nlohmann::json::parse(lines[index])["partial"], true);
  }
  const auto last = nlohmann::json::parse(lines.back());
  EXPECT_FALSE(last.contains("partial"));
  EXPECT_EQ(last["text"], "The river was quiet before unrne.");
  const auto text = here.glossa(transcribe({path, "--latency", "320ms", "--partials"}));
  EXPECT_EQ(lines_of(text.out).back(), "The river was quiet before unrne.");
}

TEST(Transcribe, ADraftStandsBehindTheTextUntilItIsSettled) {
  const Workplace here;
  const std::string path = golden_audio("en-US_0.wav");
  const std::vector<std::string> options = {path, "--latency", "1120ms", "--partials"};
  std::vector<std::string> with_draft = options;
  with_draft.insert(with_draft.end(), {"--draft-latency", "80ms"});
  const auto plain = here.glossa(transcribe(options));
  const auto text = here.glossa(transcribe(with_draft));
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(lines_of(text.out).back(), lines_of(plain.out).back());
  EXPECT_GT(lines_of(text.out).size(), 2 * lines_of(plain.out).size());

  with_draft.push_back("--json");
  std::string settled;
  std::size_t drafts = 0;
  for (const std::string& line : lines_of(here.glossa(transcribe(with_draft)).out)) {
    const auto object = nlohmann::json::parse(line);
    EXPECT_TRUE(object["text"].get<std::string>().starts_with(settled)) << line;
    settled = object["text"];
    EXPECT_EQ(object.contains("draft"), object.contains("partial"));
    if (object.contains("draft") && !object["draft"].get<std::string>().empty()) ++drafts;
  }
  EXPECT_GT(drafts, 3u);
}

std::vector<std::string> live(const std::string& recorder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"live",
                                        "--weights",
                                        "f32",
                                        "--final-silence-ms",
                                        "0",
                                        "--model",
                                        golden_model("tiny"),
                                        "--latency",
                                        "1120ms",
                                        "--recorder",
                                        recorder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Live, SentencesAreThoseOfTheRecording) {
  const Workplace here;
  const std::string path = golden_audio("long.wav");
  const auto expected = nlohmann::json::parse(
      here.glossa(transcribe({path, "--latency", "1120ms", "--json"})).out)["sentences"];
  ASSERT_EQ(expected.size(), 2u);
  const auto run = here.glossa(live("cat " + path, {"--json"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  auto settled = nlohmann::json::array();
  std::size_t drafts = 0;
  for (const std::string& line : lines_of(run.out)) {
    const auto object = nlohmann::json::parse(line);
    if (!object.contains("partial"))
      settled.push_back(object);
    else if (object["draft"] != "")
      ++drafts;
  }
  EXPECT_EQ(settled, expected);
  EXPECT_GT(drafts, 10u);

  const auto lines = lines_of(here.glossa(live("cat " + path, {"--draft-latency", "off"})).out);
  ASSERT_EQ(lines.size(), expected.size());
  EXPECT_EQ(lines[0], "0:00 en-US  " + expected[0]["text"].get<std::string>());
}

TEST(Live, ARecorderThatFailsIsNamed) {
  const Workplace here;
  const auto silent = here.glossa(live("exit 3"));
  EXPECT_EQ(silent.exit_code, 3);
  EXPECT_THAT(silent.err, HasSubstr("no sound came (expected raw PCM or wav from `exit 3`)"));
  const auto late = here.glossa(live("cat " + golden_audio("en-US_0.wav") + "; exit 3"));
  EXPECT_EQ(late.exit_code, 3);
  EXPECT_THAT(late.out, HasSubstr("The river"));
  EXPECT_THAT(late.err, HasSubstr("failed (expected status 0, got status 3)"));
  const auto both = here.glossa(live("cat", {"--input", "microphone"}));
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("--input"));
}

TEST(Transcribe, FoldersAndOutputFiles) {
  const Workplace here;
  std::filesystem::create_directories(here / "in/deep");
  for (const char* name : {"in/b.wav", "in/a.wav", "in/deep/a.wav"}) {
    std::filesystem::copy_file(golden_audio("en-US_0.wav"), here / name);
  }
  here.write("in/notes.txt", "no sound");
  const std::string in = (here / "in").string();
  const auto flat = here.glossa(transcribe({in}));
  const auto lines = lines_of(flat.out);
  ASSERT_EQ(lines.size(), 2u) << flat.err;
  EXPECT_TRUE(lines[0].starts_with(in + "/a.wav\t"));
  const std::string out = (here / "out").string();
  const auto run =
      here.glossa(transcribe({in, "--recursive", "--output-path", out, "--json", "--latency", "320ms"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  for (const char* name : {"out/a.json", "out/b.json", "out/a.wav.json"}) {
    EXPECT_EQ(nlohmann::json::parse(here.read(name))["language"], "en-US") << name;
  }
}

TEST(Transcribe, ManifestEntriesChooseTheirLanguageUnlessTheUserDoes) {
  const Workplace here;
  const auto golden = golden_case("tiny", "offline_A_56_3")["prompts"];
  nlohmann::json entry = {{"audio_filepath", golden_audio("en-US_0.wav")}, {"target_lang", "el-GR"}};
  nlohmann::json part = {{"audio_filepath", golden_audio("en-US_0.wav")}, {"offset", 0.0}, {"duration", 1.0}};
  here.write("m.json", entry.dump() + "\n" + part.dump() + "\n");
  const std::string manifest = (here / "m.json").string();
  const auto text_of = [&](const ProgramRun& run, std::size_t line) {
    return nlohmann::json::parse(lines_of(run.out).at(line));
  };
  const std::vector<std::string> base = {"--dataset-manifest", manifest, "--latency", "320ms",
                                         "--format",           "json"};
  const auto own = here.glossa(transcribe(base));
  EXPECT_EQ(text_of(own, 0)["text"], golden["el-GR"]["text_stripped"]);
  EXPECT_EQ(text_of(own, 1)["duration"], 1.0);
  auto forced = base;
  forced.insert(forced.end(), {"--target-lang", "de-DE"});
  EXPECT_EQ(text_of(here.glossa(transcribe(forced)), 0)["text"], golden["de-DE"]["text_stripped"]);
}

// The program finds the bundled model by itself: no --model, no environment.
TEST(Transcribe, TheBundledModelIsTheDefault) {
  const Workplace here;
  ::unsetenv("GLOSSA_MODEL");
  const std::vector<std::string> words = {"transcribe", "--quiet", "--weight-cache", here / "packed",
                                          golden_audio("es-ES_5.wav")};
  const auto found = here.glossa(words);
  auto with_model = words;
  with_model.insert(with_model.end(), {"--model", GLOSSA_BUNDLED_MODEL});
  const auto named = here.glossa(with_model);
  ASSERT_EQ(named.exit_code, 0) << named.err;
  ::setenv("GLOSSA_MODEL", GLOSSA_BUNDLED_MODEL, 1);
  EXPECT_EQ(here.glossa(words).out, named.out);
  ::unsetenv("GLOSSA_MODEL");
  if (found.exit_code != 0) GTEST_SKIP() << "this build folder is outside the source tree";
  EXPECT_EQ(found.out, named.out);
}

// The default: int8, packed at the first start, mapped at the next.
TEST(Transcribe, PackedWeightsAreKept) {
  const Workplace here;
  const auto model = here / "m.nemo";
  std::filesystem::copy_file(golden_model("tiny"), model);
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"transcribe", "--quiet", "--model", model, golden_audio("en-US_0.wav")});
    const auto run = here.glossa(more);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, IsEmpty());
    return run.out;
  };
  const std::string text = with({"--weight-cache", "off"});
  EXPECT_FALSE(std::filesystem::exists(here / "m.nemo.int8.packed"));
  EXPECT_EQ(with({}), text);
  ASSERT_TRUE(std::filesystem::exists(here / "m.nemo.int8.packed"));
  const auto written = std::filesystem::last_write_time(here / "m.nemo.int8.packed");
  EXPECT_EQ(with({}), text);
  EXPECT_EQ(std::filesystem::last_write_time(here / "m.nemo.int8.packed"), written);
  EXPECT_EQ(with({"--weight-cache", here / "folder"}), text);
  // A common folder tells models of the same name apart.
  const std::string kept = std::filesystem::directory_iterator(here / "folder")->path().filename();
  EXPECT_TRUE(kept.starts_with("m.nemo-") && kept.ends_with(".int8.packed")) << kept;
  for (const char* format : {"bf16", "int4"}) {
    with({"--weights", format});
    EXPECT_TRUE(std::filesystem::exists(here / (std::string("m.nemo.") + format + ".packed")));
  }
  // f32 is used where it lies, and the reference knows nothing else.
  const std::string exact = with({"--weights", "f32", "--weight-cache", here / "none"});
  EXPECT_EQ(with({"--backend", "reference", "--weight-cache", here / "none"}), exact);
  EXPECT_FALSE(std::filesystem::exists(here / "none"));
  EXPECT_EQ(with({"--weights", "f32", "--kv-cache", "f32"}), exact);
}

}  // namespace
}  // namespace glossa
