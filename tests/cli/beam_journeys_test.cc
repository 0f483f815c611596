// --decoding beam from end to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.h"

namespace glossa {
namespace {

using testing::golden_audio;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::ProgramRun;
using testing::Workplace;

class BeamSearch : public ::testing::Test {
 protected:
  ProgramRun transcribe(std::vector<std::string> more) const {
    more.insert(more.begin(), {"transcribe", "--quiet", "--weights", "f32", "--model", golden_model("tiny"),
                               "--att-context-size", "56,3", golden_audio("en-US_0.wav")});
    return here_.glossa(more);
  }

  Workplace here_;
};

TEST_F(BeamSearch, FindsASentenceThatGreedySearchMisses) {
  EXPECT_EQ(transcribe({}).out, "The river was quiet before unrne. \n");
  EXPECT_EQ(transcribe({"--decoding", "beam"}).out, "The river was quiet before sunrise. \n");
}

TEST_F(BeamSearch, GivesItsHypotheses) {
  const ProgramRun run = transcribe({"--decoding", "beam", "--beam-size", "3", "--n-best", "2", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto printed = nlohmann::json::parse(run.out);
  const auto& alternatives = printed["alternatives"];
  ASSERT_EQ(alternatives.size(), 2u);
  EXPECT_EQ(alternatives[0]["text"], printed["text"]);
  EXPECT_EQ(alternatives[0]["tokens"], printed["tokens"]);
  EXPECT_NE(alternatives[1]["tokens"], printed["tokens"]);
  const auto per_label = [&](int rank) {
    return alternatives[rank]["score"].get<double>() /
           static_cast<double>(alternatives[rank]["tokens"].size() + 1);
  };
  EXPECT_GE(per_label(0), per_label(1));

  const ProgramRun live =
      transcribe({"--decoding", "beam", "--beam-size", "3", "--n-best", "2", "--json", "--partials"});
  const std::string last = live.out.substr(live.out.rfind('\n', live.out.size() - 2) + 1);
  EXPECT_EQ(nlohmann::json::parse(last)["alternatives"], alternatives);
}

TEST_F(BeamSearch, PartialsHaveWhatIsNotSettledAsADraft) {
  const auto partials = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--decoding", "beam", "--json", "--partials"});
    const ProgramRun run = transcribe(std::move(more));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    std::vector<nlohmann::json> objects;
    std::istringstream lines(run.out);
    for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
    return objects;
  };
  const auto drafted = [](const std::vector<nlohmann::json>& objects) {
    std::string settled;
    std::size_t bytes = 0;
    for (const auto& object : objects) {
      EXPECT_TRUE(object["text"].get<std::string>().starts_with(settled)) << object;
      settled = object["text"];
      EXPECT_EQ(object.contains("draft"), object.contains("partial"));
      if (object.contains("draft")) bytes += object["draft"].get<std::string>().size();
    }
    return bytes;
  };
  const std::size_t patient = drafted(partials({}));
  const std::size_t hasty = drafted(partials({"--settle-delay-ms", "480"}));
  EXPECT_GT(hasty, 0u);
  EXPECT_LT(hasty, patient);
}

TEST_F(BeamSearch, KnowsNeMosWords) {
  const auto nemo = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"transcribe", "--weights", "f32", "model_path=" + golden_model("tiny"),
                               "audio_file=" + golden_audio("en-US_0.wav"), "att_context_size=[56,3]",
                               "strip_lang_tags=true"});
    return here_.glossa(more);
  };
  EXPECT_THAT(nemo({}).out, HasSubstr("unrne"));
  EXPECT_THAT(nemo({"rnnt_decoding.strategy=malsd_batch", "rnnt_decoding.beam.beam_size=4"}).out,
              HasSubstr("sunrise"));
  // What is of the other search is not read, and said so.
  const ProgramRun greedy = nemo({"rnnt_decoding.beam.beam_size=4", "rnnt_decoding.beam.max_symbols=1"});
  EXPECT_THAT(greedy.out, HasSubstr("unrne"));
  EXPECT_THAT(greedy.err, HasSubstr("rnnt_decoding.beam.beam_size, rnnt_decoding.beam.max_symbols"));
  EXPECT_THAT(nemo({"rnnt_decoding.greedy.max_symbols=1", "rnnt_decoding.strategy=malsd_batch"}).err,
              HasSubstr("glossa does not use rnnt_decoding.greedy.max_symbols"));
  EXPECT_THAT(nemo({"rnnt_decoding.strategy=malsd_batch", "rnnt_decoding.beam.pruning_mode=early"}).err,
              HasSubstr("expected null or late"));
  EXPECT_THAT(nemo({"rnnt_decoding.strategy=maes_batch"}).err, HasSubstr("greedy_batch or malsd_batch"));
  EXPECT_THAT(nemo({"rnnt_decoding.strategy=malsd_batch", "rnnt_decoding.beam.score_norm=false"}).err,
              HasSubstr("glossa compares scores per label"));
}

TEST_F(BeamSearch, IsPartOfTheConfigurationOfAFigure) {
  here_.write("m.jsonl", R"({"audio_filepath": ")" + golden_audio("en-US_0.wav") +
                             R"(", "text": "The river was quiet before sunrise.", "target_lang": "auto"})");
  const auto evaluate = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"evaluate", "--quiet", "--json", "--weights", "f32", "--model", golden_model("tiny"),
                 "--dataset-manifest", "m.jsonl", "--att-context-size", "56,3"});
    const ProgramRun run = here_.glossa(more);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return nlohmann::json::parse(run.out)["settings"][0];
  };
  const auto greedy = evaluate({});
  const auto beam = evaluate({"--decoding", "beam"});
  EXPECT_NE(beam["configuration"], greedy["configuration"]);
  EXPECT_NE(beam["configuration"], evaluate({"--decoding", "beam", "--beam-size", "5"})["configuration"]);
  EXPECT_NE(beam["configuration"],
            evaluate({"--decoding", "beam", "--settle-delay-ms", "0"})["configuration"]);
}

TEST_F(BeamSearch, WrongWordsAreNamed) {
  const auto refused = [&](std::vector<std::string> more, const char* part) {
    const ProgramRun run = transcribe(std::move(more));
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(part));
  };
  refused({"--decoding", "fast"}, "expected greedy, beam");
  refused({"--beam-size", "4"}, "--beam-size is of --decoding beam (got greedy)");
  refused({"--settle-delay-ms", "480"}, "--settle-delay-ms is of --decoding beam (got greedy)");
  refused({"--decoding", "beam", "--settle-delay-ms", "-1"}, "expected 0 to 60000");
  refused({"--decoding", "beam", "--beam-size", "1"}, "expected 2 to 64");
  refused({"--decoding", "beam", "--n-best", "2"}, "--n-best needs --format json");
  refused({"--decoding", "beam", "--n-best", "5", "--json"}, "--n-best is 5, expected at most 4");
  refused({"--n-best", "2", "--json"}, "expected at most 1");
}

}  // namespace
}  // namespace glossa
