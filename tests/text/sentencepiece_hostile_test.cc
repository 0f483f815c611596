// Models that nobody should trust: every one ends in an Error or works; none crashes or hangs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "glossa/error.hpp"
#include "support/files.h"
#include "support/message_of.h"
#include "text/detokenizer.h"
#include "text/lang_tag.h"
#include "text/sentencepiece.h"
#include "text/text_support.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

using testing::bytes_field;
using testing::kUnknownPiece;
using testing::one_rule_charsmap;
using testing::parse_tokenizer;
using testing::TestModel;
using testing::TestPiece;
using testing::varint;
using testing::varint_field;

void expect_refused(const std::string& proto, const std::string& reason) {
  EXPECT_THAT(testing::message_of([&] { parse_tokenizer(proto); }, ErrorCode::kBadInput, "test.model"),
              ::testing::HasSubstr(reason));
}

// True when the model was accepted; then it must also work.
bool survives(std::string_view proto) {
  try {
    const SentencePiece tokenizer = parse_tokenizer(proto);
    std::vector<int> ids = tokenizer.encode("Hello wörld, <en-US> ab AB \xFF\xE2\x96 \xE3\x80\x80!");
    for (int id = 0; id < tokenizer.size(); id += 1 + tokenizer.size() / 50) ids.push_back(id);
    EXPECT_TRUE(is_valid_utf8(tokenizer.decode(ids)));
    EXPECT_TRUE(is_valid_utf8(Detokenizer(tokenizer).text(ids)));
    lang_tags_of(tokenizer);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(HostileModel, Proto) {
  expect_refused("", "none of the 0 pieces");
  expect_refused(std::string(1, '\x0A'), "is cut");
  expect_refused(varint(10) + varint(1000) + "x", "is cut");
  expect_refused(varint(10) + varint(std::numeric_limits<std::uint64_t>::max()), "is cut");
  expect_refused(std::string(11, '\xFF'), "more than ten bytes");
  expect_refused(varint(2) + varint(0), "impossible field number");
  expect_refused(varint((1 << 3) | 3), "unsupported wire type");
  expect_refused(varint_field(1, 5), "wire type 0, expected 2");
  expect_refused(bytes_field(1, varint_field(2, 1)), "wire type 0, expected 5");
  expect_refused("\x89PNG\r\n\x1A\n not a model at all", "test.model");
}

TEST(HostileModel, Pieces) {
  const auto refused = [](std::vector<TestPiece> pieces, const std::string& reason) {
    expect_refused(TestModel{.pieces = std::move(pieces)}.serialize(), reason);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  refused({{"a", -1}}, "none of the 1 pieces is the unknown piece");
  refused({kUnknownPiece}, "no piece that text could be made of");
  refused({kUnknownPiece, {"a", -1}, {"<u>", 0, PieceType::kUnknown}}, "both unknown");
  refused({kUnknownPiece, {"a", -1}, {"a", -2}}, "piece 2 'a' is already piece 1");
  refused({kUnknownPiece, {"", -1}}, "piece 1 is empty");
  refused({kUnknownPiece, {std::string("a\0b", 3), -1}}, "NUL");
  refused({kUnknownPiece, {"\xC3", -1}}, "not UTF-8");
  refused({kUnknownPiece, {std::string(8000, 'a'), -1}}, "8000 bytes");
  refused({kUnknownPiece, {"a", nan}}, "not finite");
  refused({kUnknownPiece, {"a", -infinity}}, "not finite");
  refused({kUnknownPiece, {"a", -1}, {"b", -1, static_cast<PieceType>(7)}}, "type 7");
  refused({kUnknownPiece, {"a", -1}, {"<0x41>", 0, PieceType::kByte}}, "byte_fallback is off");
  const TestModel no_byte{.pieces = {kUnknownPiece, {"a", -1}, {"<0xZZ>", 0, PieceType::kByte}},
                          .byte_fallback = true};
  expect_refused(no_byte.serialize(), "expected <0xNN>");
  const TestModel one_byte{.pieces = {kUnknownPiece, {"a", -1}, {"<0x00>", 0, PieceType::kByte}},
                           .byte_fallback = true};
  expect_refused(one_byte.serialize(), "<0x01> is missing");
  for (const int type : {0, 3, 4, 99}) {
    expect_refused(TestModel{.pieces = {kUnknownPiece, {"a", -1}}, .model_type = type}.serialize(),
                   "model type");
  }
}

TEST(HostileModel, ExtremeScoresAreNotRefused) {
  const float huge = std::numeric_limits<float>::max();
  for (const int type : {1, 2}) {
    TestModel model{.pieces = {kUnknownPiece, {"▁", -huge}, {"a", -huge}, {"b", huge}, {"ab", huge}},
                    .model_type = type};
    EXPECT_TRUE(survives(model.serialize()));
  }
}

TEST(HostileModel, CharacterMap) {
  const auto with_map = [](std::string map) {
    return TestModel{.pieces = {kUnknownPiece, {"▁", -1}, {"b", -1}}, .charsmap = std::move(map)}.serialize();
  };
  EXPECT_TRUE(survives(with_map(one_rule_charsmap('A', "b"))));
  expect_refused(with_map("abc"), "character map");
  expect_refused(with_map(std::string(100, '\0')), "character map");
  expect_refused(with_map("\xFF\xFF\xFF\xFF" + std::string(100, 'x')), "character map");
  expect_refused(with_map(std::string("\x05\0\0\0", 4) + std::string(100, 'x')), "character map");
  expect_refused(with_map(one_rule_charsmap('A', "b", /*key_offset=*/4096)), "leads to no replacement");
  expect_refused(with_map(one_rule_charsmap('A', "\xFF")), "not UTF-8");
  expect_refused(with_map(one_rule_charsmap('A', std::string(5000, 'b'))), "5000 bytes");
  const std::string map = one_rule_charsmap('A', "b");
  expect_refused(with_map(map.substr(0, map.size() - 2)), "leads to no replacement");
}

TEST(HostileModel, MapThatBlowsUpText) {
  TestModel model{.pieces = {kUnknownPiece, {"b", -1}},
                  .charsmap = one_rule_charsmap('A', std::string(4000, 'b'))};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  EXPECT_NO_THROW(tokenizer.encode("A"));
  EXPECT_THROW(tokenizer.encode(std::string(100'000, 'A')), Error);
}

// The unit of 'A' leads to itself: the key "AAAA..." never ends.
TEST(HostileModel, MapWithACycle) {
  std::string map = one_rule_charsmap('A', "b", /*key_offset=*/'A');
  const TestModel model{.pieces = {kUnknownPiece, {"b", -1}}, .charsmap = map};
  const SentencePiece tokenizer = parse_tokenizer(model.serialize());
  tokenizer.encode(std::string(100'000, 'A'));
}

TEST(HostileModel, TextBeyondTheLimit) {
  const SentencePiece tokenizer =
      parse_tokenizer(TestModel{.pieces = {kUnknownPiece, {"a", -1}}}.serialize());
  EXPECT_THROW(tokenizer.encode(std::string((std::size_t{1} << 24) + 1, 'a')), Error);
}

std::string small_model(int model_type) {
  TestModel model{.pieces = {kUnknownPiece,
                             {"<s>", 0, PieceType::kControl},
                             {"▁", -1},
                             {"a", -2},
                             {"b", -3},
                             {"ab", -1.5f, PieceType::kUnused},
                             {"▁a", -2},
                             {"<en-US>", 0, PieceType::kUserDefined},
                             {".", -4}},
                  .model_type = model_type,
                  .charsmap = one_rule_charsmap('A', "a")};
  model.extra_fields = bytes_field(5, varint_field(3, 0) + bytes_field(2, one_rule_charsmap('.', "!")));
  return model.serialize();
}

TEST(HostileModel, EveryTruncation) {
  for (const int type : {1, 2}) {
    const std::string proto = small_model(type);
    ASSERT_TRUE(survives(proto));
    for (std::size_t size = 0; size < proto.size(); ++size) survives(std::string_view(proto).substr(0, size));
  }
}

TEST(HostileModel, EveryByteFlipped) {
  for (const int type : {1, 2}) {
    std::string proto = small_model(type);
    int accepted = 0;
    for (std::size_t at = 0; at < proto.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xFF}) {
        proto[at] = static_cast<char>(proto[at] ^ mask);
        accepted += survives(proto) ? 1 : 0;
        proto[at] = static_cast<char>(proto[at] ^ mask);
      }
    }
    EXPECT_GT(accepted, 0);
  }
}

TEST(HostileModel, RealModelsCutAndFlipped) {
  testing::Dice dice(7);
  for (const std::string& name : testing::tokenizer_names()) {
    std::string proto = testing::read_bytes(testing::tokenizer_path(name));
    for (int trial = 0; trial < 20; ++trial) {
      const int size = dice.below(static_cast<int>(proto.size()));
      survives(std::string_view(proto).substr(0, static_cast<std::size_t>(size)));
    }
    for (int trial = 0; trial < 40; ++trial) {
      // Half of them among the pieces, half in the character map that makes up most of the file.
      const int limit = trial % 2 == 0 ? 4000 : static_cast<int>(proto.size());
      const auto at = static_cast<std::size_t>(dice.below(std::min(limit, static_cast<int>(proto.size()))));
      const char before = proto[at];
      proto[at] = static_cast<char>(before ^ (1 + dice.below(255)));
      survives(proto);
      proto[at] = before;
    }
  }
}

}  // namespace
}  // namespace glossa::text
