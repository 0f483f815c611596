#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "text/lang_tag.h"
#include "text/text_support.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

using testing::kUnknownPiece;

using nlohmann::json;
using Ids = std::vector<int>;

// Checks every {tokens, text[, text_stripped]} of a golden file, however deep, and returns how many there
// were. In the steps of a stream both are lists, one entry per stream of the batch.
// `blank` is the id after the vocabulary: some of NeMo's beam searches leave blanks in `tokens`, its text
// drops them.
int check_texts(const json& node, const Detokenizer& detokenizer, int blank, const std::string& where) {
  if (!node.is_structured()) return 0;
  int checked = 0;
  if (node.is_object() && node.contains("tokens") && node.contains("text")) {
    const bool is_batch = node["text"].is_array();
    const json tokens = is_batch ? node["tokens"] : json::array({node["tokens"]});
    const json texts = is_batch ? node["text"] : json::array({node["text"]});
    for (std::size_t stream = 0; stream < texts.size(); ++stream) {
      Ids ids = tokens[stream].get<Ids>();
      std::erase(ids, blank);
      EXPECT_EQ(detokenizer.text(ids), texts[stream].get<std::string>()) << where;
      ++checked;
    }
    if (node.contains("text_stripped")) {
      EXPECT_EQ(strip_lang_tags(texts[0].get<std::string>()), node["text_stripped"].get<std::string>())
          << where;
    }
  }
  for (const json& child : node) checked += check_texts(child, detokenizer, blank, where);
  return checked;
}

TEST(DetokenizerGolden, TextsOfEveryCase) {
  int checked = 0;
  for (const auto& nemo : testing::list_files(testing::golden_dir() / "models", "", ".nemo")) {
    const SentencePiece tokenizer = testing::tokenizer_of_checkpoint(nemo);
    const Detokenizer detokenizer(tokenizer);
    const auto cases = testing::golden_dir() / "cases" / nemo.stem();
    for (const auto& path : testing::list_files(cases, "", ".json")) {
      checked +=
          check_texts(json::parse(testing::read_bytes(path)), detokenizer, tokenizer.size(), path.string());
    }
  }
  EXPECT_GT(checked, 0);
}

TEST(DetokenizerGolden, PunctuationOfTheVocabulary) {
  int checked = 0;
  for (const auto& nemo : testing::list_files(testing::golden_dir() / "models", "", ".nemo")) {
    const auto path = testing::golden_dir() / "cases" / nemo.stem() / "timestamps.json";
    if (!std::filesystem::exists(path)) continue;
    const SentencePiece tokenizer = testing::tokenizer_of_checkpoint(nemo);
    std::vector<char32_t> expected;
    const json golden = json::parse(testing::read_bytes(path));
    for (const std::string mark : golden["supported_punctuation"]) {
      expected.push_back(first_code_point(mark).value);
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(Detokenizer(tokenizer).punctuation(), expected) << path;
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

TEST(Detokenizer, TakesPunctuationFromOrdinaryPiecesOnly) {
  testing::TestModel model{
      .pieces = {kUnknownPiece,  // "<unk>" itself is no source of '<' (not punctuation anyway)
                 {"a.", -1},
                 {"<,>", -1},
                 {"[;]", -1},
                 {"##!", -1},
                 {"▁?", -1},
                 {"\xE3\x80\x82", -1},
                 {"[:", -1},
                 {"$", -1},
                 {"\xC2\xAB", -1}}};
  const SentencePiece tokenizer = testing::parse_tokenizer(model.serialize());
  // '.' of "a.", both marks of "[:", U+00AB, U+3002; '$' is a symbol.
  EXPECT_EQ(Detokenizer(tokenizer).punctuation(), (std::vector<char32_t>{U'.', U':', U'[', 0xAB, 0x3002}));
}

TEST(Detokenizer, DeletesOneWhiteSpaceBeforePunctuation) {
  testing::TestModel model{.pieces = {kUnknownPiece,
                                      {"▁a", -1},
                                      {"▁", -1},
                                      {".", -1},
                                      {"▁,", -1},
                                      {",", -1},
                                      {"b\xE3\x80\x80", -1},
                                      {"\n", -1}}};
  const SentencePiece tokenizer = testing::parse_tokenizer(model.serialize());
  const Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.text(Ids{1, 2, 3}), "a.");
  EXPECT_EQ(detokenizer.text(Ids{1, 2, 2, 3}), "a .");
  EXPECT_EQ(detokenizer.text(Ids{1, 4, 2, 3, 1}), "a,. a");
  EXPECT_EQ(detokenizer.text(Ids{1, 6, 3, 7, 5}), "ab.,");
  EXPECT_EQ(detokenizer.text(Ids{2, 3}), ".");
  EXPECT_EQ(detokenizer.text(Ids{1, 2}), "a ");
  EXPECT_EQ(detokenizer.text(Ids{0, 3}), " \xE2\x81\x87.");
  EXPECT_EQ(detokenizer.text(Ids{}), "");
  EXPECT_THROW(detokenizer.text(Ids{8}), Error);
}

TEST(Detokenizer, TextIsLinearInTheIds) {
  testing::TestModel model{.pieces = {kUnknownPiece, {"▁a", -1}, {"▁", -1}, {".", -1}}};
  const SentencePiece tokenizer = testing::parse_tokenizer(model.serialize());
  Ids ids;
  for (int repeat = 0; repeat < 300'000; ++repeat) ids.insert(ids.end(), {1, 2, 3});
  EXPECT_EQ(Detokenizer(tokenizer).text(ids).size(), 300'000u * 3 - 1);
}

}  // namespace
}  // namespace glossa::text
