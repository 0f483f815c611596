// Tokenizers for tests: those of the goldens and tiny ones written on the spot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/sentencepiece.h"

namespace glossa::testing {

// tokenizers/<name>/tokenizer.model of the goldens.
std::filesystem::path tokenizer_path(const std::string& name);
text::SentencePiece read_tokenizer(const std::filesystem::path& path);
std::vector<std::string> tokenizer_names();

// The member `*tokenizer.model` of a .nemo archive, gzip'd or not.
text::SentencePiece tokenizer_of_checkpoint(const std::filesystem::path& nemo);

text::SentencePiece parse_tokenizer(std::string_view proto);

// Pieces and settings to a serialised ModelProto. Fields that are not set are not written.
struct TestPiece {
  std::string text;
  float score = 0;
  text::PieceType type = text::PieceType::kNormal;
};

inline const TestPiece kUnknownPiece{"<unk>", 0, text::PieceType::kUnknown};

struct TestModel {
  std::vector<TestPiece> pieces;
  int model_type = 1;
  bool byte_fallback = false;
  bool remove_extra_whitespaces = true;
  bool add_dummy_prefix = true;
  std::string charsmap = {};
  std::string extra_fields = {};  // raw bytes at the end of the proto

  std::string serialize() const;
};

std::string varint(std::uint64_t value);
std::string varint_field(int number, std::uint64_t value);
std::string bytes_field(int number, std::string_view payload);

// A character map with the single rule `key` (one byte) to `replacement`; the unit of the key has
// `key_offset` as its offset: 2 is right, others are for tests of hostile maps.
std::string one_rule_charsmap(char key, const std::string& replacement, std::uint32_t key_offset = 2);

// Deterministic on every platform, unlike the distributions of <random>.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  int below(int limit);

 private:
  std::uint64_t state_;
};

std::string without_spaces(std::string_view line);

}  // namespace glossa::testing
