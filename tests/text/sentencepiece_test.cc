#include "text/sentencepiece.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "text/text_support.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

using testing::kUnknownPiece;
using testing::parse_tokenizer;
using testing::TestModel;
using Ids = std::vector<int>;

std::vector<std::string> pieces_of(const SentencePiece& tokenizer, const Ids& ids) {
  std::vector<std::string> pieces;
  for (const int id : ids) pieces.emplace_back(tokenizer.piece(id));
  return pieces;
}

// Oracle: the SentencePiece library 0.1.97, which wrote the goldens.
TEST(SentencePieceGolden, EncodesAndDecodesAsTheReference) {
  int cases = 0;
  for (const std::string& name : testing::tokenizer_names()) {
    const auto path = testing::golden_dir() / "cases" / "tokenizers" / (name + ".json");
    const auto golden = nlohmann::json::parse(testing::read_bytes(path));
    const SentencePiece tokenizer = testing::read_tokenizer(testing::tokenizer_path(golden["model"]));
    EXPECT_EQ(tokenizer.size(), golden["vocab_size"].get<int>());
    EXPECT_EQ(tokenizer.unk_id(), golden["unk_id"].get<int>());
    for (const char* absent : {"bos_id", "eos_id", "pad_id"}) {
      const int id = golden[absent].get<int>();
      EXPECT_TRUE(id < 0 || tokenizer.type(id) == PieceType::kControl) << name << ' ' << absent;
    }
    for (const auto& entry : golden["encode"]) {
      const std::string text = entry["text"];
      const Ids ids = tokenizer.encode(text);
      EXPECT_EQ(ids, entry["ids"].get<Ids>()) << name << ": " << text;
      EXPECT_EQ(pieces_of(tokenizer, ids), entry["pieces"].get<std::vector<std::string>>())
          << name << ": " << text;
      EXPECT_EQ(tokenizer.decode(ids), entry["decoded"].get<std::string>()) << name << ": " << text;
      ++cases;
    }
    for (const auto& entry : golden["decode"]) {
      const Ids ids = entry["ids"].get<Ids>();
      EXPECT_EQ(tokenizer.decode(ids), entry["text"].get<std::string>()) << name << ": " << entry["ids"];
      Ids by_piece;
      for (const int id : ids) by_piece.push_back(tokenizer.find(tokenizer.piece(id)));
      EXPECT_EQ(tokenizer.decode(by_piece), entry["text_from_pieces"].get<std::string>()) << name;
      ++cases;
    }
  }
  EXPECT_GT(cases, 0);
}

TEST(SentencePieceGolden, FindsEveryPiece) {
  for (const std::string& name : testing::tokenizer_names()) {
    const SentencePiece tokenizer = testing::read_tokenizer(testing::tokenizer_path(name));
    for (int id = 0; id < tokenizer.size(); ++id) EXPECT_EQ(tokenizer.find(tokenizer.piece(id)), id) << name;
    EXPECT_EQ(tokenizer.find("no such piece"), -1);
    EXPECT_EQ(tokenizer.find(""), -1);
  }
}

// The rules below were checked with the SentencePiece library 0.1.97 on the same models.
TEST(Unigram, PrefersTheBestSum) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"a", -2}, {"b", -2}, {"ab", -3}, {"▁a", -3}}};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{1, 4}));  // -5, as "▁a b": the path found first stays
}

TEST(Unigram, JoinsARunOfUnknownCharacters) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"a", -2}}};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_EQ(tokenizer.encode("aéxa"), (Ids{1, 2, 0, 2}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 2, 0, 2}), "a \xE2\x81\x87 a");
}

TEST(Unigram, AlwaysTakesUserDefinedPieces) {
  TestModel model{
      .pieces = {kUnknownPiece, {"▁", -2}, {"a", -1}, {"b", -1}, {"ab", -50, PieceType::kUserDefined}}};
  EXPECT_EQ(parse_tokenizer(model.serialize()).encode("ab"), (Ids{1, 4}));
}

TEST(Unigram, NeverTakesUnusedPieces) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"a", -9}, {"b", -9}, {"ab", -1, PieceType::kUnused}}};
  EXPECT_EQ(parse_tokenizer(model.serialize()).encode("ab"), (Ids{1, 2, 3}));
}

TEST(Bpe, MergesByScoreThenFromTheLeft) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -9}, {"a", -9}, {"aa", -1}, {"▁a", -2}}, .model_type = 2};
  EXPECT_EQ(parse_tokenizer(model.serialize()).encode("aaa"), (Ids{1, 3, 2}));
}

TEST(Bpe, TakesUnusedPiecesApart) {
  TestModel model{.pieces = {kUnknownPiece,
                             {"▁", -9},
                             {"a", -9},
                             {"b", -9},
                             {"c", -9},
                             {"ab", -1, PieceType::kUnused},
                             {"abc", -2}},
                  .model_type = 2};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{1, 6}));
  EXPECT_EQ(tokenizer.encode("abb"), (Ids{1, 2, 3, 3}));
}

TEST(Bpe, LeavesUserDefinedPiecesWhole) {
  TestModel model{
      .pieces = {kUnknownPiece, {"▁", -9}, {"a", -9}, {"▁<t>", -1}, {"<t>", 0, PieceType::kUserDefined}},
      .model_type = 2};
  EXPECT_EQ(parse_tokenizer(model.serialize()).encode("<t>a"), (Ids{1, 4, 2}));
}

TEST(Normalizer, UserDefinedPiecesPassUntouched) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"b", -2}, {"AA", 0, PieceType::kUserDefined}},
                  .charsmap = testing::one_rule_charsmap('A', "b")};
  EXPECT_EQ(parse_tokenizer(model.serialize()).encode("AAA"), (Ids{1, 3, 2}));
}

TEST(Normalizer, InvalidBytesBecomeReplacementCharacters) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"\xEF\xBF\xBD", -2}, {"é", -2}}};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_EQ(tokenizer.encode("\xFF\xC3"), (Ids{1, 2, 2}));
  EXPECT_EQ(tokenizer.encode("\xC3\xA9\xED\xA0\x80"),
            (Ids{1, 3, 2, 2, 2}));  // a surrogate: three invalid bytes
}

TEST(Normalizer, KeepsWhiteSpaceWhenToldTo) {
  TestModel model{.pieces = {kUnknownPiece, {"▁", -2}, {"a", -2}}, .remove_extra_whitespaces = false};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_EQ(tokenizer.encode(" a  "), (Ids{1, 1, 2, 1, 1}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 1, 2, 1, 1}), " a  ");
}

TEST(Decode, DropsControlPieces) {
  TestModel model{.pieces = {kUnknownPiece, {"▁a", -2}, {"<s>", 0, PieceType::kControl}}};
  EXPECT_EQ(parse_tokenizer(model.serialize()).decode(Ids{2, 1, 2, 1}), "a a");
}

TEST(Decode, RefusesIdsOutsideTheVocabulary) {
  const SentencePiece tokenizer =
      parse_tokenizer(TestModel{.pieces = {kUnknownPiece, {"a", -2}}}.serialize());
  for (const int id : {-1, 2, 1 << 30}) {
    EXPECT_THROW(tokenizer.decode(Ids{id}), Error);
    EXPECT_THROW(tokenizer.piece(id), Error);
    EXPECT_THROW(tokenizer.type(id), Error);
  }
}

// A quadratic algorithm needs some 10^10 steps here; the limit leaves room for sanitizers and busy machines.
TEST(Encode, LongTextsTakeLinearTime) {
  std::string sentence = "The river was quiet before sunrise, Der Fluss war still. ";
  std::string text;
  while (text.size() < 100'000) text += sentence;
  for (const std::string& name : testing::tokenizer_names()) {
    const SentencePiece tokenizer = testing::read_tokenizer(testing::tokenizer_path(name));
    for (const std::string& input : {text, std::string(100'000, 'a'), std::string(100'000, '\xFF')}) {
      const auto start = std::chrono::steady_clock::now();
      const Ids ids = tokenizer.encode(input);
      tokenizer.decode(ids);
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << name;
    }
  }
}

TEST(Encode, ThreadsMayShareATokenizer) {
  const SentencePiece tokenizer =
      testing::read_tokenizer(testing::tokenizer_path(testing::tokenizer_names()[0]));
  const std::string text = "Can you hear the rain on the roof?";
  const Ids expected = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::vector<int> equal(3, 0);
  for (std::size_t thread = 0; thread < equal.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (int repeat = 0; repeat < 50; ++repeat) equal[thread] += tokenizer.encode(text) == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, (std::vector<int>{50, 50, 50}));
}

TEST(Utf8, RefusesWhatUnicodeRefuses) {
  for (const char* invalid :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF8\x88\x80\x80", "\xE2\x96", "\xC3"}) {
    EXPECT_FALSE(first_code_point(invalid).valid) << invalid;
    EXPECT_EQ(first_code_point(invalid).size, 1u);
  }
  EXPECT_EQ(first_code_point("\xF4\x8F\xBF\xBF").value, 0x10FFFFu);
  EXPECT_TRUE(first_code_point("\xEF\xBF\xBD").valid);  // U+FFFD itself
}

// The list is Python's: [c for c in range(0x110000) if chr(c).isspace()].
TEST(Utf8, WhiteSpaceIsPythons) {
  const std::vector<char32_t> python = {0x9,    0xA,    0xB,    0xC,    0xD,    0x1C,   0x1D,   0x1E,
                                        0x1F,   0x20,   0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002,
                                        0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A,
                                        0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  std::vector<char32_t> ours;
  for (char32_t character = 0; character < 0x110000; ++character) {
    if (is_space(character)) ours.push_back(character);
  }
  EXPECT_EQ(ours, python);
}

}  // namespace
}  // namespace glossa::text
