#include "lm/arpa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "glossa/error.hpp"
#include "lm/ngram_estimate.h"
#include "lm/random_text.h"
#include "support/message_of.h"

namespace glossa::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Arpa : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("glossa_arpa_" + std::to_string(::getpid()) + ".arpa");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  lm::NgramModel read(const std::string& text, int vocabulary = 256) const {
    std::ofstream(path_, std::ios::binary) << text;
    return lm::read_arpa(path_, vocabulary);
  }
  std::string refusal(const std::string& text, int vocabulary = 256) const {
    return message_of([&] { read(text, vocabulary); }, ErrorCode::kBadInput, path_.string());
  }

  std::filesystem::path path_;
};

// As KenLM's lmplz writes what NeMo gives it: piece 0 is "d" (100), piece 5 "i", piece 156 is U+0100.
const std::string kSmall =
    "\\data\\\nngram 1=5\nngram 2=3\n\n\\1-grams:\n-1.5\t<unk>\t0\n0\t<s>\t-0.30103\n-0.7\t</s>\t0\n"
    "-0.5\ti\t-0.2\n-0.6\t\xC4\x80\t0\n\n\\2-grams:\n-0.1\t<s> i\n-0.2\ti \xC4\x80\n-inf\ti "
    "</s>\n\n\\end\\\n";

TEST_F(Arpa, ReadsNemosSpelling) {
  const lm::NgramModel model = read(kSmall);
  ASSERT_EQ(model.order(), 2);
  EXPECT_THAT(model.tables[0].labels,
              ElementsAre(lm::kUnknown, lm::kSentenceStart, lm::kSentenceEnd, 5, 156));
  EXPECT_THAT(model.tables[1].labels, ElementsAre(lm::kSentenceStart, 5, 5, 156, 5, lm::kSentenceEnd));
  EXPECT_NEAR(model.tables[0].log_prob[3], -0.5 * std::log(10.0), 1e-6);
  EXPECT_NEAR(model.tables[0].backoff[1], std::log(0.5), 1e-6);
  EXPECT_EQ(model.tables[1].backoff[0], 0);
  EXPECT_TRUE(std::isfinite(model.tables[1].log_prob[2])) << "minus infinity makes no sum useless";
}

TEST_F(Arpa, WindowsLinesAndCommentsAreRead) {
  std::string text = "made by somebody\n" + kSmall;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\r\n");
  EXPECT_EQ(read(text).tables[1].size(), 3u);
}

TEST_F(Arpa, WhatIsWrittenIsRead) {
  const auto text = random_sentences(3, 50, 250);
  const lm::NgramModel model = lm::estimate(text, {.order = 4});
  std::ostringstream out;
  lm::write_arpa(model, out);
  const lm::NgramModel again = read(out.str());
  ASSERT_EQ(again.order(), model.order());
  for (std::size_t k = 0; k < model.tables.size(); ++k) {
    EXPECT_EQ(again.tables[k].labels, model.tables[k].labels);
    for (std::size_t row = 0; row < model.tables[k].size(); ++row) {
      ASSERT_NEAR(again.tables[k].log_prob[row], model.tables[k].log_prob[row], 3e-6);
      ASSERT_NEAR(again.tables[k].backoff[row], model.tables[k].backoff[row], 3e-6);
    }
  }
}

TEST_F(Arpa, WhatIsWrongIsNamed) {
  const auto with = [](std::string from, const std::string& to) {
    std::string text = kSmall;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_THAT(refusal(""), HasSubstr("no line \\data\\ in it"));
  EXPECT_THAT(refusal("hello\nworld\n"), HasSubstr("this is no ARPA language model"));
  EXPECT_THAT(refusal(kSmall.substr(0, 30)), HasSubstr("expected \\1-grams:"));
  EXPECT_THAT(refusal(kSmall.substr(0, kSmall.find("\\end"))),
              HasSubstr("it ends too early (expected \\end\\)"));
  EXPECT_THAT(refusal(with("ngram 2=3", "ngram 2=x")),
              HasSubstr("line 3: expected ngram 2=COUNT, got \"ngram 2=x\""));
  EXPECT_THAT(refusal(with("ngram 2=3", "ngram 3=3")), HasSubstr("expected ngram 2=COUNT"));
  EXPECT_THAT(refusal(with("ngram 2=3", "ngram 2=4")),
              HasSubstr("it has 3 n-grams of 2 labels, expected 4 from \"ngram 2=\""));
  EXPECT_THAT(refusal(with("-0.5\ti", "-0.5\tword")),
              HasSubstr("line 9: \"word\" is no piece of this checkpoint"));
  EXPECT_THAT(refusal(with("-0.5\ti", "-0.5\tA")), HasSubstr("\"A\" is no piece")) << "below 100";
  EXPECT_THAT(refusal(kSmall, 100), HasSubstr("line 10:")) << "of a larger vocabulary";
  EXPECT_THAT(refusal(with("-0.5\ti", "0.5\ti")),
              HasSubstr("expected the logarithm of a probability, 0 or less"));
  EXPECT_THAT(refusal(with("-0.5\ti", "nan\ti")), HasSubstr("line 9"));
  EXPECT_THAT(refusal(with("-0.2\n", "inf\n")), HasSubstr("expected the logarithm of a weight"));
  EXPECT_THAT(refusal(with("<s> i", "i")), HasSubstr("\"\" is no piece"));
  std::string many = "\\data\\\n";
  for (int order = 1; order <= 11; ++order) many += "ngram " + std::to_string(order) + "=1\n";
  EXPECT_THAT(refusal(many + "\\1-grams:\n"), HasSubstr("n-grams of 11 labels, expected 10 at most"));
  EXPECT_THROW(lm::read_arpa(path_.string() + ".none", 256), Error);
  EXPECT_THROW(lm::read_arpa(std::filesystem::temp_directory_path(), 256), Error);
}

}  // namespace
}  // namespace glossa::testing
