// Training data: data check, stats, tar, mix, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/program.h"

namespace glossa {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::golden_audio;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::lines_of;
using testing::Workplace;

std::string line(const std::string& audio, const std::string& text, const std::string& lang, double seconds) {
  return json{{"audio_filepath", audio}, {"duration", seconds}, {"text", text}, {"target_lang", lang}}
             .dump() +
         "\n";
}

// As long as the sound of the goldens is.
double seconds_of(const Workplace& here, const std::string& audio) {
  const auto run =
      here.glossa({"transcribe", "--quiet", "--format", "json", "--model", golden_model("tiny"), audio});
  return json::parse(run.out)["duration"];
}

TEST(DataCheck, ReportsAndFixes) {
  const Workplace here;
  const std::string audio = golden_audio("en-US_0.wav");
  const double seconds = seconds_of(here, audio);
  const std::string good = line(audio, "A good line.", "en-US", seconds);
  here.write("good.jsonl", good);
  const auto clean = here.glossa({"data", "check", "good.jsonl", "--quiet"});
  EXPECT_EQ(clean.exit_code, 0) << clean.out << clean.err;
  EXPECT_EQ(clean.err, "");
  EXPECT_THAT(clean.out, HasSubstr("0 errors, 0 warnings"));

  here.write("bad.jsonl", good + line("gone.wav", "Gone.", "en-US", 1) +
                              line(audio, "Long.", "en_us", seconds + 3) +
                              line(audio, "Who?", "enn-USA", seconds));
  const auto run = here.glossa({"data", "check", "bad.jsonl", "--quiet", "--json", "--model",
                                golden_model("tiny"), "--fix", "fixed.jsonl"});
  EXPECT_EQ(run.exit_code, 0) << run.err;  // there is something left to train on
  const json report = json::parse(run.out);
  const json& counts = report["manifests"][0]["counts"];
  EXPECT_EQ(counts["missing-audio"], 1);
  EXPECT_EQ(counts["wrong-duration"], 1);
  EXPECT_EQ(counts["unknown-language"], 1);
  EXPECT_EQ(counts["language-spelling"], 1);
  EXPECT_EQ(report["fix"]["lines"], 2);
  EXPECT_EQ(report["fix"]["dropped"], 2);
  const auto fixed = lines_of(here.read("fixed.jsonl"));
  ASSERT_EQ(fixed.size(), 2u);
  EXPECT_EQ(fixed[0] + "\n", good);
  EXPECT_EQ(json::parse(fixed[1])["target_lang"], "en-US");
  EXPECT_NEAR(json::parse(fixed[1])["duration"].get<double>(), seconds, 1e-3);

  const auto text = here.glossa({"data", "check", "bad.jsonl", "--quiet", "--model", golden_model("tiny")});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("error missing-audio: 1\n    line 2: "), HasSubstr("nearest: en-US")));
  const auto leak = here.glossa({"data", "check", "good.jsonl", "--quiet", "--against", "bad.jsonl"});
  EXPECT_EQ(leak.exit_code, 3);
  EXPECT_THAT(leak.out, HasSubstr("leaked-audio: 1"));
}

TEST(DataStats, CountHoursAndBuckets) {
  const Workplace here;
  std::string text;
  for (int index = 1; index <= 40; ++index)
    text += line("a.wav", "one two", index > 20 ? "de-DE" : "en-US", index);
  here.write("m.jsonl", text);
  const auto run = here.glossa({"data", "stats", "m.jsonl", "--json", "--buckets", "4"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  EXPECT_EQ(report["utterances"], 40);
  EXPECT_NEAR(report["hours"].get<double>(), 820.0 / 3600, 1e-9);
  EXPECT_EQ(report["duration"]["p50"], 20.5);
  EXPECT_EQ(report["words"], 80);
  EXPECT_EQ(report["bucket_duration_bins"].size(), 3u);
  EXPECT_EQ(report["languages"][1]["utterances"], 20);
  EXPECT_THAT(here.glossa({"data", "stats", "m.jsonl"}).out, HasSubstr("bucket_duration_bins=["));
}

TEST(DataTar, ShardsAreReadByMix) {
  const Workplace here;
  const std::string first = golden_audio("en-US_0.wav");
  std::string text;
  for (int index = 0; index < 4; ++index) text += line(first, "One.", "en-US", 2 + index);
  here.write("m.jsonl", text);
  const auto run = here.glossa({"data", "tar", "m.jsonl", "--quiet", "--json", "--output", "out",
                                "--num-shards", "2", "--codec", "flac"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  EXPECT_EQ(report["lines_per_shard"], json::parse("[2, 2]"));
  EXPECT_EQ(report["tarred_audio_filepaths"], "out/audio__OP_0..1_CL_.tar");
  EXPECT_EQ(here.glossa({"data", "tar", "m.jsonl", "--output", "out", "--num-shards", "2"}).exit_code, 2);

  here.write("mix.yaml",
             "- type: nemo_tarred\n  manifest_filepath: " + report["manifest_filepath"].get<std::string>() +
                 "\n  tarred_audio_filepaths: " + report["tarred_audio_filepaths"].get<std::string>() +
                 "\n  weight: 3\n- type: nemo\n  manifest_filepath: m.jsonl\n  weight: 1\n");
  const auto mix =
      here.glossa({"data", "mix", "mix.yaml", "--json", "--quiet", "--batches", "500", "--batch-size", "4"});
  ASSERT_EQ(mix.exit_code, 0) << mix.err;
  const json preview = json::parse(mix.out);
  EXPECT_EQ(preview["batches"], 500);
  EXPECT_EQ(preview["largest_batch"], 4);
  ASSERT_EQ(preview["streams"].size(), 2u);
  // 2000 draws with probability 3/4: five standard deviations are 5 %.
  EXPECT_NEAR(preview["streams"][0]["drawn_cuts"].get<double>() / preview["drawn_cuts"].get<double>(), 0.75,
              0.05);
}

// One rule for a run and for `mix`: what a file names counts from its folder.
TEST(DataMix, PathsCountFromTheFileAndAManifestMayStandTwice) {
  const Workplace here;
  std::filesystem::create_directories(here / "sets/deep");
  std::string text;
  for (int index = 0; index < 10; ++index) text += line("a.wav", "one", "en-US", 1);
  here.write("sets/deep/m.jsonl", text);
  here.write("sets/deep/inner.yaml", "- {type: nemo, manifest_filepath: m.jsonl}\n");
  here.write("sets/mix.yaml",
             "- {type: nemo, name: some, manifest_filepath: deep/m.jsonl, weight: 3, tags: {lang: de-DE}}\n"
             "- {type: group, name: rest, input_cfg: deep/inner.yaml, weight: 1}\n");
  const auto mix = here.glossa(
      {"data", "mix", "sets/mix.yaml", "--json", "--quiet", "--batches", "500", "--batch-size", "4"});
  ASSERT_EQ(mix.exit_code, 0) << mix.err;
  const json streams = json::parse(mix.out)["streams"];
  ASSERT_EQ(streams.size(), 2u);
  // 2000 draws with probability 1/4: five standard deviations are 5 %.
  EXPECT_NEAR(streams[1]["drawn_cuts"].get<double>() / 2000, 0.25, 0.05);
}

TEST(DataCheck, TriesItsPlaceFirstAndKeepsItsReport) {
  const Workplace here;
  here.write("m.jsonl",
             line("gone.wav", "a", "en-US", 1) + line(golden_audio("en-US_0.wav"), "b", "en-US", 50000));
  here.write("file", "");
  std::filesystem::create_directories(here / "folder");
  std::filesystem::create_symlink("/dev/full", here / "full.jsonl.partial");
  for (const char* place : {"file/out.jsonl", "folder"}) {
    const auto run = here.glossa({"data", "check", "m.jsonl", "--quiet", "--fix", place});
    EXPECT_EQ(run.exit_code, 3) << place;
    EXPECT_EQ(run.out, "") << "an error before any work";
    EXPECT_THAT(run.err, HasSubstr(std::string(place).substr(0, 4))) << "the folder's name or the file's";
  }
  const auto full = here.glossa({"data", "check", "m.jsonl", "--quiet", "--fix", "full.jsonl"});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.out, HasSubstr("missing-audio: 1"));
  EXPECT_THAT(full.err, HasSubstr("No space left on device"));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(here / "full.jsonl.partial")));
  const auto made = here.glossa({"data", "check", "m.jsonl", "--quiet", "--fix", "new/out.jsonl"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_FALSE(std::filesystem::exists(here / "new/out.jsonl.partial"));
}

TEST(DataCheck, DurationsBeyondWhatAFileMayHold) {
  const Workplace here;
  here.write("m.jsonl", line(golden_audio("en-US_0.wav"), "b", "en-US", 50000));
  const auto run = here.glossa({"data", "check", "m.jsonl", "--quiet", "--no-audio"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, HasSubstr("duration 50000.000 s (expected at most 12 hours)"));
}

TEST(Data, SaysWhatIsWrong) {
  const Workplace here;
  EXPECT_EQ(here.glossa({"data"}).exit_code, 2);
  EXPECT_THAT(here.glossa({"data", "check"}).err, HasSubstr("glossa data check --help"));
  const auto none = here.glossa({"data", "check", "none.jsonl"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("none.jsonl"));
  here.write("m.jsonl", "");
  const auto same = here.glossa({"data", "check", "m.jsonl", "--fix", "m.jsonl"});
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_THAT(same.err, HasSubstr("--fix would replace"));
  EXPECT_EQ(here.glossa({"data", "check", "m.jsonl", "m.jsonl"}).exit_code, 2);
  const auto misspelt = here.glossa({"data", "chekc", "m.jsonl"});
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_EQ(misspelt.err, "glossa: no such command (expected check, stats, tar, mix, segment, got chekc)\n");
  for (const char* limit : {"abc", "nan", "inf", "-1", "0", "1s"}) {
    const auto run = here.glossa({"data", "check", "m.jsonl", "--max-duration", limit});
    EXPECT_EQ(run.exit_code, 2) << limit;
    EXPECT_THAT(run.err, HasSubstr(std::string("expected a number above 0, got ") + limit));
  }
  const auto nothing = here.glossa({"data", "tar", "m.jsonl", "--output", "out", "--num-shards", "1"});
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_THAT(nothing.err, HasSubstr("nothing to pack"));
  EXPECT_FALSE(std::filesystem::exists(here / "out"));
}

std::string bundled_audio(const std::string& name) { return GLOSSA_EXAMPLE_AUDIO "/" + name; }

TEST(DataSegment, FindsUtterancesInRecordings) {
  const Workplace here;
  std::filesystem::copy_file(bundled_audio("pt-BR.flac"), here / "fala.flac");
  here.write("fala.srt",
             "1\n00:00:00,000 --> 00:00:02,000\nLigue para <i>Conceição</i>\n\n"
             "2\n00:00:02,000 --> 00:00:03,000\nno zero zero um.\n");
  const std::string spoken = "El vuelo de Londres a Toledo dura cincuenta y tres minutos.";
  here.write("long.jsonl", json{{"audio_filepath", bundled_audio("es-ES.flac")},
                                {"text", spoken + " Esto no lo dice nadie."},
                                {"lang", "es-ES"},
                                {"speaker", "zac"}}
                                   .dump() +
                               "\n");
  const auto run = here.glossa({"data", "segment", "fala.flac", "long.jsonl", "--output",
                                "new/segments.jsonl", "--model", GLOSSA_BUNDLED_MODEL, "--target-lang",
                                "pt-BR", "--weight-cache", "off", "--json", "--quiet"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const auto lines = lines_of(here.read("new/segments.jsonl"));
  ASSERT_EQ(lines.size(), 2u) << run.out;
  const json beside = json::parse(lines[0]);
  EXPECT_EQ(beside["text"], "Ligue para Conceição no zero zero um.");
  EXPECT_EQ(beside["target_lang"], "pt-BR");
  EXPECT_EQ(beside["audio_filepath"], std::filesystem::canonical(here / "fala.flac").string());
  const json of_line = json::parse(lines[1]);
  EXPECT_EQ(of_line["text"], spoken);
  EXPECT_EQ(of_line["speaker"], "zac");
  EXPECT_EQ(of_line["lang"], "es-ES");
  EXPECT_FALSE(of_line.contains("target_lang"));
  for (const json& line : {beside, of_line}) {
    EXPECT_GE(line["offset"], 0);
    EXPECT_GT(line["duration"], 1.5);
    EXPECT_LT(line["cer"], 0.2);
  }
  const json report = json::parse(run.out);
  EXPECT_EQ(report["all"]["utterances"], 2);
  EXPECT_LT(report["recordings"][1]["kept_text"], 0.8);

  // What was written is a manifest like any other.
  const auto check =
      here.glossa({"data", "check", "new/segments.jsonl", "--model", GLOSSA_BUNDLED_MODEL, "--quiet"});
  EXPECT_EQ(check.exit_code, 0) << check.out;
}

TEST(DataSegment, SaysWhatCannotBeUsed) {
  const Workplace here;
  std::filesystem::copy_file(bundled_audio("pt-BR.flac"), here / "fala.flac");
  const auto cut = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"data",           "segment", "--output",
                                          "out.jsonl",      "--model", GLOSSA_BUNDLED_MODEL,
                                          "--weight-cache", "off",     "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return here.glossa(arguments);
  };
  auto run = cut({"fala.flac", "--target-lang", "pt-BR"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("fala.flac: no transcript (expected fala.txt beside it, or .srt or .vtt)"));
  here.write("fala.txt", "Ligue para Conceição no zero zero um.");
  EXPECT_THAT(cut({"fala.flac"}).err, HasSubstr("fala.flac: no language (expected target_lang"));
  EXPECT_EQ(cut({"fala.flac", "--target-lang", "xx-XX"}).exit_code, 2);
  here.write("fala.txt", "\xff");
  EXPECT_THAT(cut({"fala.flac", "--target-lang", "pt-BR"}).err, HasSubstr("not UTF-8"));
  here.write("fala.txt", "Something that nobody said anywhere in this recording");
  run = cut({"fala.flac", "--target-lang", "pt-BR"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, HasSubstr("Is it the text of this recording, in this language?"));
  EXPECT_EQ(cut({"fala.flac", "--min-duration", "9", "--max-duration", "9"}).exit_code, 2);
  EXPECT_THAT(cut({"gone.flac", "--target-lang", "pt-BR"}).err, HasSubstr("gone.flac: no such file"));
  here.write("fala.txt", " ... \n");
  EXPECT_THAT(cut({"fala.flac", "--target-lang", "pt-BR"}).err, HasSubstr("no words in its text"));
  here.write("out.jsonl", "kept");
  EXPECT_EQ(cut({"gone.flac", "--target-lang", "pt-BR"}).exit_code, 3);
  EXPECT_EQ(here.read("out.jsonl"), "kept") << "what was there before stays where nothing was found";
  here.write("out.jsonl", "{}\n");
  EXPECT_EQ(cut({"out.jsonl"}).exit_code, 2) << "the output is not an input";
  const auto over_sound = here.glossa({"data", "segment", "fala.flac", "--output", "fala.flac",
                                       "--target-lang", "pt-BR", "--model", GLOSSA_BUNDLED_MODEL, "--quiet"});
  EXPECT_EQ(over_sound.exit_code, 2);
  const auto over_text = here.glossa({"data", "segment", ".", "--output", "fala.txt", "--target-lang",
                                      "pt-BR", "--model", GLOSSA_BUNDLED_MODEL, "--quiet"});
  EXPECT_THAT(over_text.err, HasSubstr("--output would replace"));
  EXPECT_EQ(here.read("fala.txt"), " ... \n");
}

}  // namespace
}  // namespace glossa
