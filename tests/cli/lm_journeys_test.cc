// `glossa lm` and what --lm does with its work, from end to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"

namespace glossa {
namespace {

using testing::golden_audio;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::ProgramRun;
using testing::Workplace;

constexpr const char* kText =
    "The river was quiet before sunrise. <en-US>\nThe river was cold.\n\nThe sun rose over the river.\n";

class LanguageModels : public ::testing::Test {
 protected:
  ProgramRun make(std::vector<std::string> more, const std::string& input = "") const {
    more.insert(more.begin(), {"lm", "--quiet", "--model", golden_model("tiny"), "--output", "x.arpa"});
    return here_.glossa(more, input);
  }
  ProgramRun transcribe(std::vector<std::string> more) const {
    more.insert(more.begin(), {"transcribe", "--quiet", "--weights", "f32", "--model", golden_model("tiny"),
                               "--att-context-size", "56,0", golden_audio("en-US_0.wav")});
    return here_.glossa(more);
  }

  Workplace here_;
};

TEST_F(LanguageModels, AreMadeOfTextOfManifestsAndOfStdin) {
  here_.write("a.txt", kText);
  const ProgramRun run = make({"a.txt", "--order", "3", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto report = nlohmann::json::parse(run.out);
  EXPECT_EQ(report["sentences"], 3);
  EXPECT_EQ(report["words"], 16);
  EXPECT_EQ(report["unknown"], 0);
  EXPECT_EQ(report["ngrams"].size(), 3u);
  const std::string arpa = here_.read("x.arpa");
  EXPECT_EQ(report["bytes"], arpa.size());
  EXPECT_THAT(arpa, HasSubstr("\\3-grams:"));

  ASSERT_EQ(make({"-", "--order", "3"}, kText).exit_code, 0);
  EXPECT_EQ(here_.read("x.arpa"), arpa);
  here_.write("m.jsonl", R"({"audio_filepath": "a.wav", "text": "The river was quiet before sunrise."})"
                         "\n"
                         R"({"audio_filepath": "b.wav", "text": "The river was cold."})"
                         "\n"
                         R"({"audio_filepath": "c.wav", "text": "The sun rose over the river."})"
                         "\n");
  ASSERT_EQ(make({"m.jsonl", "--order", "3"}).exit_code, 0);
  EXPECT_EQ(here_.read("x.arpa"), arpa);
}

TEST_F(LanguageModels, SayHowWellTheyKnowOtherText) {
  here_.write("a.txt", kText);
  here_.write("near.txt", "The river was quiet.\n");
  here_.write("far.txt", "Zwei Katzen tanzen.\n");
  const auto perplexity = [&](const std::string& test) {
    return nlohmann::json::parse(
               make({"a.txt", "--test", test, "--json"}).out)["test"]["perplexity_of_pieces"]
        .get<double>();
  };
  EXPECT_GT(perplexity("near.txt"), 1);
  EXPECT_LT(perplexity("near.txt") * 3, perplexity("far.txt"));
}

TEST_F(LanguageModels, LeanTheSearch) {
  here_.write("a.txt", kText);
  ASSERT_EQ(make({"a.txt"}).exit_code, 0);
  EXPECT_EQ(transcribe({}).out, "The river wa quiet beore sunnnrise.\n");
  const ProgramRun with = transcribe({"--lm", "x.arpa", "--lm-alpha", "1"});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_EQ(with.out, "The river was quiet before sunrise.\n");

  // NeMo's words: a model without a weight is not asked.
  const auto nemo = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"transcribe", "--weights", "f32", "model_path=" + golden_model("tiny"),
                               "audio_file=" + golden_audio("en-US_0.wav"), "att_context_size=[56,0]",
                               "strip_lang_tags=true",
                               "rnnt_decoding.greedy.ngram_lm_model=" + (here_ / "x.arpa").string()});
    return here_.glossa(more);
  };
  const ProgramRun unweighted = nemo({});
  EXPECT_THAT(unweighted.err, HasSubstr("ngram_lm_alpha= is 0"));
  const ProgramRun weighted = nemo({"rnnt_decoding.greedy.ngram_lm_alpha=1"});
  EXPECT_THAT(weighted.out, HasSubstr("The river was quiet before"));
  EXPECT_NE(weighted.out, unweighted.out);
}

TEST_F(LanguageModels, BelongToTheConfigurationOfAFigure) {
  here_.write("a.txt", kText);
  ASSERT_EQ(make({"a.txt"}).exit_code, 0);
  here_.write("m.jsonl", R"({"audio_filepath": ")" + golden_audio("en-US_0.wav") +
                             R"(", "text": "The river was quiet before sunrise.", "target_lang": "en-US"})");
  const auto fingerprint = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"evaluate", "--quiet", "--json", "--model", golden_model("tiny"),
                               "--dataset-manifest", "m.jsonl"});
    const ProgramRun run = here_.glossa(more);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return nlohmann::json::parse(run.out)["settings"][0]["configuration"].dump();
  };
  const std::string plain = fingerprint({});
  EXPECT_EQ(fingerprint({}), plain);
  EXPECT_NE(fingerprint({"--lm", "x.arpa"}), plain);
  EXPECT_NE(fingerprint({"--lm", "x.arpa", "--lm-alpha", "1"}), fingerprint({"--lm", "x.arpa"}));
  EXPECT_NE(fingerprint({"--final-silence-ms", "0"}), plain);
}

TEST_F(LanguageModels, WrongOnesAreNamed) {
  here_.write("a.txt", kText);
  here_.write("empty.txt", "\n\n");
  here_.write("no.arpa", "hello\n");
  const auto refused = [&](const ProgramRun& run, int exit_code, const char* part) {
    EXPECT_EQ(run.exit_code, exit_code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(part));
  };
  refused(make({"nowhere.txt"}), 3, "nowhere.txt: no such file");
  refused(make({"empty.txt"}), 3, "empty.txt: no sentence in it");
  refused(make({"a.txt", "--order", "11"}), 2, "--order");
  refused(make({"a.txt", "--prune", "0", "2", "1"}), 2, "0 2 1");
  refused(here_.glossa({"lm", "a.txt"}), 2, "--output");
  refused(here_.glossa({"lm", "--model", golden_model("tiny"), "a.txt", "--output", "a.txt/x.arpa"}), 3,
          "a.txt: cannot make the folder");
  refused(transcribe({"--lm", "nowhere.arpa"}), 3, "nowhere.arpa: no such file");
  refused(transcribe({"--lm", "no.arpa"}), 3, "no.arpa: no line \\data\\ in it");
  refused(transcribe({"--lm", "no.arpa", "--lm-alpha", "0"}), 2, "--lm-alpha is 0, expected above 0");
}

}  // namespace
}  // namespace glossa
