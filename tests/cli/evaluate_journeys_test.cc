// `glossa evaluate` from end to end. Oracles: what `glossa transcribe` recognises, and sums by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"

namespace glossa {
namespace {

using nlohmann::json;
using testing::golden_audio;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::lines_of;
using ::testing::Not;
using testing::ProgramRun;
using testing::Workplace;

std::string entry(const std::string& audio, const json& more) {
  json object = {{"audio_filepath", golden_audio(audio)}};
  object.update(more);
  return object.dump() + "\n";
}

// What the bundled model hears, f32: the reference of an utterance without errors.
std::string heard(const Workplace& here, const std::string& audio, const std::string& lang) {
  const auto run = here.glossa({"transcribe", "--quiet", "--weights", "f32", "--model", GLOSSA_SMALL_MODEL,
                                "--att-context-size", "56,3", "--target-lang", lang, golden_audio(audio)});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return lines_of(run.out).at(0);
}

ProgramRun evaluate(const Workplace& here, std::vector<std::string> more) {
  more.insert(more.begin(), {"evaluate", "--quiet", "--weights", "f32", "--model", GLOSSA_SMALL_MODEL});
  return here.glossa(more);
}

TEST(Evaluate, TableResultsAndPage) {
  const Workplace here;
  const std::string english = heard(here, "en-US_0.wav", "en-US");
  const std::string german = heard(here, "de-DE_6.wav", "auto");
  ASSERT_NE(english, "");
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", english + " <en-US>"}, {"target_lang", "en-US"}}) +
                              entry("de-DE_6.wav", {{"text", german + " noch zwei"}}));
  const auto run =
      evaluate(here, {"--dataset-manifest", (here / "set.jsonl").string(), "--json", "--output-path",
                      (here / "out").string(), "--report", (here / "page/report.html").string(),
                      "--att-context-size", "56,3", "[56,13]"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto output = json::parse(run.out);
  ASSERT_EQ(output["settings"].size(), 2u);
  const auto& scores = output["settings"][0]["scores"];
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_EQ(scores[0]["language"], "en-US");
  EXPECT_EQ(scores[0]["wer"], 0.0);
  EXPECT_EQ(scores[0]["wer_raw"], 0.0);
  EXPECT_EQ(scores[0]["language_accuracy"], nullptr);  // it was told
  EXPECT_EQ(scores[1]["language"], "unknown");
  EXPECT_EQ(scores[1]["edits"]["deletions"], 2);
  EXPECT_EQ(scores[1]["edits"]["substitutions"], 0);
  EXPECT_EQ(scores[2]["language"], "all");
  EXPECT_NE(output["settings"][0]["configuration"], output["settings"][1]["configuration"]);

  const auto lines = lines_of(here.read("out/evaluation_small.jsonl"));
  ASSERT_EQ(lines.size(), 4u);  // two settings
  const auto line = json::parse(lines[0]);
  EXPECT_EQ(line["pred_text"], english);
  EXPECT_EQ(line["att_context_size"], json({56, 3}));
  EXPECT_EQ(line["prompt_lang"], "en-US");
  EXPECT_EQ(line["edits"]["deletions"], 0);
  EXPECT_EQ(json::parse(lines[3])["att_context_size"], json({56, 13}));

  const std::string page = here.read("page/report.html");
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"del\" title=\"missed\">noch</span>"));
  EXPECT_THAT(page, HasSubstr("Error rate against latency"));
  EXPECT_THAT(page, HasSubstr(output["settings"][0]["configuration"].get<std::string>()));
}

// A boost this small changes no text.
TEST(Evaluate, TellsOfEachBoostedPhraseHowOftenItWasFound) {
  const Workplace here;
  const std::string english = heard(here, "en-US_0.wav", "en-US");
  const std::string phrase = english.substr(0, english.find(' '));
  ASSERT_EQ(english.find(phrase, 1), std::string::npos) << "expected once";
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", english}, {"target_lang", "en-US"}}) +
                              entry("en-US_0.wav", {{"text", "nothing like it"}, {"target_lang", "en-US"}}));
  const std::vector<std::string> options = {"--dataset-manifest",
                                            (here / "set.jsonl").string(),
                                            "--boost",
                                            phrase,
                                            "--boost",
                                            "else",
                                            "--boost-score",
                                            "0.001",
                                            "--report",
                                            (here / "page.html").string(),
                                            "--att-context-size",
                                            "56,3"};
  const auto table = evaluate(here, options);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("boosted phrase"));
  EXPECT_THAT(table.out, HasSubstr("all 2, 1 shown"));
  std::vector<std::string> as_json = options;
  as_json.emplace_back("--json");
  const auto phrases = json::parse(evaluate(here, as_json).out)["settings"][0]["boosted_phrases"];
  EXPECT_EQ(phrases, json({{{"phrase", phrase}, {"said", 1}, {"found", 1}, {"not_said", 1}},
                           {{"phrase", "else"}, {"said", 0}, {"found", 0}, {"not_said", 0}}}));
  EXPECT_THAT(here.read("page.html"), HasSubstr("Boosted phrases"));
}

TEST(Evaluate, PrintsConfigurationBesideEveryRate) {
  const Workplace here;
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", "nothing like it"}, {"target_lang", "en-US"}}));
  const std::string manifest = (here / "set.jsonl").string();
  const auto one = evaluate(here, {"--dataset-manifest", manifest});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const auto lines = lines_of(one.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("WER%"));
  EXPECT_THAT(lines[0], ::testing::EndsWith("configuration"));
  EXPECT_THAT(lines[1], HasSubstr("en-US"));
  const auto hash_of = [](const ProgramRun& run) {
    const std::string line = lines_of(run.out).at(1);
    return line.substr(line.rfind(' ') + 1);
  };
  const std::string hash = hash_of(one);
  EXPECT_EQ(hash.size(), 8u);
  // Neither the batch nor the threads are part of it; the language, the format and the data are.
  EXPECT_EQ(hash_of(evaluate(here, {"--dataset-manifest", manifest, "--batch-size", "1", "--threads", "1"})),
            hash);
  EXPECT_NE(hash_of(evaluate(here, {"--dataset-manifest", manifest, "--target-lang", "auto"})), hash);
  here.write("other.jsonl", entry("en-US_0.wav", {{"text", "nothing like that"}, {"target_lang", "en-US"}}));
  EXPECT_NE(hash_of(evaluate(here, {"--dataset-manifest", (here / "other.jsonl").string()})), hash);
}

TEST(Evaluate, BesideABaseline) {
  const Workplace here;
  const std::string english = heard(here, "en-US_0.wav", "en-US");
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", english}, {"target_lang", "en-US"}}) +
                              entry("en-US_2.wav", {{"text", "x y"}, {"target_lang", "en-US"}}));
  const std::string manifest = (here / "set.jsonl").string();
  // An earlier system that heard nothing of the first utterance.
  here.write("old.jsonl", json({{"id", golden_audio("en-US_0.wav")},
                                {"att_context_size", {56, 3}},
                                {"target_lang", "en-US"},
                                {"text", english},
                                {"pred_text", ""}})
                                  .dump() +
                              "\n");
  const auto run =
      evaluate(here, {"--dataset-manifest", manifest, "--att-context-size", "56,3", "--json", "--baseline",
                      (here / "old.jsonl").string(), "--report", (here / "report.html").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto difference = json::parse(run.out)["baseline"]["differences"][0];
  EXPECT_EQ(difference["utterances"], 1);
  EXPECT_EQ(difference["wer"], 0.0);
  EXPECT_EQ(difference["baseline_wer"], 1.0);
  EXPECT_EQ(difference["difference"], -1.0);
  EXPECT_THAT(here.read("report.html"), HasSubstr("Beside old"));
  // A model beside itself.
  const auto same =
      evaluate(here, {"--dataset-manifest", manifest, "--json", "--baseline", GLOSSA_SMALL_MODEL});
  ASSERT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(json::parse(same.out)["baseline"]["differences"][0]["difference"], 0.0);
  EXPECT_EQ(json::parse(same.out)["baseline"]["differences"][0]["utterances"], 2);
}

TEST(Evaluate, NemoWords) {
  const Workplace here;
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", "a b"}, {"target_lang", "en-US"}}));
  const auto run = here.glossa(
      {"evaluate", "--quiet", "--json", "--weights", "f32", std::string("model_path=") + GLOSSA_SMALL_MODEL,
       "dataset_manifest=" + (here / "set.jsonl").string(), "att_context_size=[56,6]", "batch_size=4",
       "output_path=" + (here / "out").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out)["settings"][0]["att_context_size"], json({56, 6}));
  // NeMo's default: every utterance is told auto.
  EXPECT_EQ(json::parse(lines_of(here.read("out/evaluation_small.jsonl")).at(0))["prompt_lang"], "auto");
  const auto mixed = here.glossa({"evaluate", "--batch-size", "2", "dataset_manifest=x"});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_THAT(mixed.err, HasSubstr("cannot be mixed"));
  EXPECT_EQ(here.glossa({"evaluate", "dataset_manifest=x", "compare_vs_offline=true"}).exit_code, 2);
}

TEST(Evaluate, WhatCannotBeUsed) {
  const Workplace here;
  here.write("part.jsonl", entry("en-US_0.wav", {{"text", "a"}}) + entry("missing.wav", {{"text", "b"}}));
  const auto part = evaluate(here, {"--dataset-manifest", (here / "part.jsonl").string(), "--json"});
  EXPECT_EQ(part.exit_code, 3);
  EXPECT_THAT(part.err, HasSubstr("missing.wav"));
  EXPECT_EQ(json::parse(part.out)["settings"][0]["scores"][0]["unusable"], 1);
  here.write("mute.jsonl", entry("en-US_0.wav", json::object()));
  const auto mute = evaluate(here, {"--dataset-manifest", (here / "mute.jsonl").string()});
  EXPECT_EQ(mute.exit_code, 3);
  EXPECT_THAT(mute.err, HasSubstr("mute.jsonl:1"));
  EXPECT_EQ(evaluate(here, {}).exit_code, 2);
  EXPECT_EQ(evaluate(here, {"--dataset-manifest", (here / "none.jsonl").string()}).exit_code, 3);
  const std::string manifest = (here / "part.jsonl").string();
  EXPECT_EQ(evaluate(here, {"--dataset-manifest", manifest, "--att-context-size", "57,3"}).exit_code, 2);
  EXPECT_EQ(evaluate(here, {"--dataset-manifest", manifest, "--target-lang", "xx-XX"}).exit_code, 2);
  EXPECT_EQ(evaluate(here, {"--dataset-manifest", manifest, "--baseline", "none.jsonl"}).exit_code, 3);
  here.write("bad.jsonl", "{\"id\": 1}\n");
  const auto bad =
      evaluate(here, {"--dataset-manifest", manifest, "--baseline", (here / "bad.jsonl").string()});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr("bad.jsonl:1"));
}

TEST(Evaluate, NoUsableUtteranceHasNoFigures) {
  const Workplace here;
  here.write("none.jsonl", entry("missing.wav", {{"text", "b"}}));
  const auto as_json = evaluate(here, {"--dataset-manifest", (here / "none.jsonl").string(), "--json",
                                       "--report", (here / "page.html").string()});
  EXPECT_EQ(as_json.exit_code, 3);
  const auto score = json::parse(as_json.out)["settings"][0]["scores"][0];
  for (const char* rate :
       {"wer", "wer_interval", "wer_raw", "cer", "deletion_rate", "lost_rate", "empty_rate", "loop_rate"})
    EXPECT_TRUE(score[rate].is_null()) << rate;
  const auto table = evaluate(here, {"--dataset-manifest", (here / "none.jsonl").string()});
  EXPECT_THAT(table.out, Not(HasSubstr("0.00")));
  EXPECT_THAT(here.read("page.html"), Not(HasSubstr("0.00")));
}

// What cannot be written or read is told before any work; figures that exist are told whatever happens later.
TEST(Evaluate, PlacesAreTriedFirstAndFiguresAreNotLost) {
  const Workplace here;
  here.write("set.jsonl", entry("en-US_0.wav", {{"text", "a"}}));
  here.write("file", "");
  here.write("bad.nemo", "no checkpoint");
  std::filesystem::create_directories(here / "out/evaluation_small.jsonl");
  const std::vector<std::string> manifest = {"--dataset-manifest", (here / "set.jsonl").string(), "--report",
                                             (here / "page.html").string()};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), manifest.begin(), manifest.end());
    return evaluate(here, more);
  };
  const std::vector<std::pair<std::string, std::string>> wrong = {{"--report", "file/page.html"},
                                                                  {"--report", "out"},
                                                                  {"--output-path", "out"},
                                                                  {"--output-path", "file"},
                                                                  {"--baseline", "bad.nemo"}};
  for (const auto& [option, name] : wrong) {
    const auto run =
        evaluate(here, {"--dataset-manifest", (here / "set.jsonl").string(), option, (here / name).string()});
    EXPECT_EQ(run.exit_code, 3) << option;
    EXPECT_EQ(run.out, "") << "an error before any work";
    EXPECT_THAT(run.err, HasSubstr((here / name).parent_path().string()));
  }
  // A baseline without this latency: known when it is loaded, long after the model's own figures.
  const auto late = with({"--baseline", golden_model("tiny-en"), "--latency", "320ms"});
  EXPECT_EQ(late.exit_code, 2) << late.err;
  EXPECT_THAT(late.out, HasSubstr("[56,3]"));
  EXPECT_THAT(here.read("page.html"), HasSubstr("[56,3]"));
  const auto full =
      evaluate(here, {"--dataset-manifest", (here / "set.jsonl").string(), "--report", "/dev/full"});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.err, HasSubstr("No space left on device"));
  EXPECT_THAT(full.out, HasSubstr("WER%"));
}

TEST(Evaluate, Help) {
  const Workplace here;
  EXPECT_THAT(here.glossa({"--help"}).out, HasSubstr("evaluate"));
  const auto help = here.glossa({"evaluate", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const std::string& line : lines_of(help.out)) EXPECT_LE(line.size(), 110u) << line;
}

}  // namespace
}  // namespace glossa
