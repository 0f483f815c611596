#include "text/text_support.h"

#include <zlib.h>

#include <bit>
#include <stdexcept>

#include "support/files.h"
#include "support/golden.h"
#include "support/little_endian.h"
#include "text/utf8.h"

namespace glossa::testing {

std::filesystem::path tokenizer_path(const std::string& name) {
  return golden_dir() / "tokenizers" / name / "tokenizer.model";
}

text::SentencePiece read_tokenizer(const std::filesystem::path& path) {
  const std::string proto = read_bytes(path);
  return text::SentencePiece(std::as_bytes(std::span(proto)), path.string());
}

std::vector<std::string> tokenizer_names() {
  std::vector<std::string> names;
  for (const auto& path : list_files(golden_dir() / "cases" / "tokenizers", "", ".json")) {
    names.push_back(path.stem().string());
  }
  return names;
}

text::SentencePiece tokenizer_of_checkpoint(const std::filesystem::path& nemo) {
  constexpr std::size_t kBlock = 512;
  std::string archive;
  gzFile file = gzopen(nemo.c_str(), "rb");  // reads plain files as they are
  if (file == nullptr) throw std::runtime_error(nemo.string() + ": cannot be opened");
  std::vector<char> buffer(1 << 20);
  for (int got = 0; (got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;) {
    archive.append(buffer.data(), static_cast<std::size_t>(got));
  }
  gzclose(file);
  for (std::size_t at = 0; at + kBlock <= archive.size();) {
    const std::string name(archive.c_str() + at);
    const std::size_t size = std::stoull("0" + archive.substr(at + 124, 11), nullptr, 8);
    if (name.ends_with("tokenizer.model")) {
      return text::SentencePiece(std::as_bytes(std::span(archive)).subspan(at + kBlock, size), nemo.string());
    }
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  throw std::runtime_error(nemo.string() + ": holds no tokenizer.model");
}

text::SentencePiece parse_tokenizer(std::string_view proto) {
  return text::SentencePiece(std::as_bytes(std::span(proto)), "test.model");
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7F; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string varint_field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}

std::string bytes_field(int number, std::string_view payload) {
  return varint((static_cast<std::uint64_t>(number) << 3) | 2) + varint(payload.size()) +
         std::string(payload);
}

std::string TestModel::serialize() const {
  constexpr std::uint64_t kScoreKey = (2 << 3) | 5;
  std::string proto;
  for (const TestPiece& piece : pieces) {
    proto += bytes_field(1, bytes_field(1, piece.text) + varint(kScoreKey) +
                                little_endian(std::bit_cast<std::uint32_t>(piece.score), 4) +
                                varint_field(3, static_cast<std::uint64_t>(piece.type)));
  }
  proto += bytes_field(
      2, varint_field(3, static_cast<std::uint64_t>(model_type)) + varint_field(35, byte_fallback ? 1 : 0));
  std::string normalizer = varint_field(3, add_dummy_prefix ? 1 : 0);
  normalizer += varint_field(4, remove_extra_whitespaces ? 1 : 0);
  if (!charsmap.empty()) normalizer += bytes_field(2, charsmap);
  return proto + bytes_field(3, normalizer) + extra_fields;
}

std::string one_rule_charsmap(char key, const std::string& replacement, std::uint32_t key_offset) {
  constexpr std::uint32_t kUnits = 512;
  constexpr std::uint32_t kRootOffset = 256;
  const std::uint32_t label = static_cast<unsigned char>(key);
  std::vector<std::uint32_t> units(kUnits, 0xFF);  // no byte leads here: UTF-8 has no 0xFF
  units[0] = kRootOffset << 10;
  const std::uint32_t place = kRootOffset ^ label;
  units[place] = label | (1u << 8) | (key_offset << 10);
  if ((place ^ key_offset) < kUnits) units[place ^ key_offset] = 1u << 31;  // the replacement starts at 0
  std::string map = little_endian(kUnits * 4, 4);
  for (const std::uint32_t unit : units) map += little_endian(unit, 4);
  return map + replacement + '\0';
}

int Dice::below(int limit) {
  state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<int>((state_ >> 33) % static_cast<std::uint64_t>(limit));
}

std::string without_spaces(std::string_view line) {
  std::string kept;
  while (!line.empty()) {
    const text::CodePoint character = text::first_code_point(line);
    if (!text::is_space(character.value)) kept += line.substr(0, character.size);
    line.remove_prefix(character.size);
  }
  return kept;
}

}  // namespace glossa::testing
