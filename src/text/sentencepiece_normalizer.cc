#include "text/sentencepiece_normalizer.h"

#include <algorithm>

#include "base/fail.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

// Far above any real rule (the longest replacement of NFKC has 33 bytes); they keep normalisation linear, and
// its result within a bounded multiple of the text, for hostile maps as well.
constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxReplacementBytes = 4096;
constexpr std::size_t kMaxGrowth = 64;  // NFKC: U+FDFA grows thirteenfold

bool key_ends(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFu; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFFu; }
std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t at = 4; at-- > 0;) number = (number << 8) | static_cast<unsigned char>(bytes[at]);
  return number;
}

void check_replacements(std::string_view replacements, const std::string& source) {
  if (!is_valid_utf8(replacements))
    fail_bad_input("{}: a replacement of the character map is not UTF-8", source);
  std::size_t begin = 0;
  while (begin < replacements.size()) {
    const std::size_t end = std::min(replacements.find('\0', begin), replacements.size());
    if (end - begin > kMaxReplacementBytes) {
      fail_bad_input("{}: a replacement of the character map has {} bytes, expected at most {}", source,
                     end - begin, kMaxReplacementBytes);
    }
    begin = end + 1;
  }
}

}  // namespace

CharMap::CharMap(std::string_view blob, const std::string& source) {
  if (blob.empty()) return;
  const std::uint32_t tree_bytes = blob.size() > 4 ? read_u32(blob) : 0;
  if (tree_bytes == 0 || tree_bytes % 4 != 0 || tree_bytes > blob.size() - 4) {
    fail_bad_input("{}: the character map has {} bytes and says that its tree has {}", source, blob.size(),
                   tree_bytes);
  }
  blob.remove_prefix(4);
  units_.reserve(tree_bytes / 4);
  for (std::uint32_t at = 0; at < tree_bytes; at += 4) units_.push_back(read_u32(blob.substr(at)));
  replacements_ = blob.substr(tree_bytes);
  check_replacements(replacements_, source);
  for (std::size_t at = 0; at < units_.size(); ++at) {
    const std::uint32_t unit = units_[at];
    if ((unit >> 31) != 0 || !key_ends(unit)) continue;  // a value, or no key ends here
    const std::size_t value_at = at ^ offset(unit);
    const std::size_t start = value_at < units_.size() ? value(units_[value_at]) : replacements_.size();
    const bool inside = start < replacements_.size();
    if (!inside || (static_cast<unsigned char>(replacements_[start]) & 0xC0) == 0x80) {
      fail_bad_input("{}: unit {} of the character map leads to no replacement", source, at);
    }
  }
}

CharMap::Match CharMap::longest_match(std::string_view text) const {
  Match match;
  if (units_.empty()) return match;
  std::size_t longest_value = 0;
  std::size_t place = offset(units_[0]);
  const std::size_t limit = std::min(text.size(), kMaxKeyBytes);
  for (std::size_t at = 0; at < limit; ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    place ^= byte;
    if (place >= units_.size() || label(units_[place]) != byte) break;
    const std::uint32_t unit = units_[place];
    place ^= offset(unit);
    if (key_ends(unit)) {
      match.length = at + 1;
      longest_value = value(units_[place]);  // in range: checked at construction
    }
  }
  if (match.length > 0) {
    const auto end = replacements_.find('\0', longest_value);
    match.replacement = std::string_view(replacements_).substr(longest_value, end - longest_value);
  }
  return match;
}

Normalizer::Normalizer(const NormalizerSpec& spec, bool whitespace_as_suffix,
                       const PieceTrie* protected_pieces, const std::string& source)
    : char_map_(spec.precompiled_charsmap, source),
      space_(spec.escape_whitespaces ? kWordMark : std::string_view(" ")),
      add_dummy_prefix_(spec.add_dummy_prefix),
      remove_extra_whitespaces_(spec.remove_extra_whitespaces),
      whitespace_as_suffix_(whitespace_as_suffix),
      protected_pieces_(protected_pieces) {}

Normalizer::Step Normalizer::next(std::string_view text) const {
  if (protected_pieces_ != nullptr) {
    const std::size_t length = protected_pieces_->longest_prefix(text);
    if (length > 0) return {text.substr(0, length), length};
  }
  const CharMap::Match rule = char_map_.longest_match(text);
  if (rule.length > 0) {
    // A hostile rule may end inside a character; what is left of it would be invalid and becomes U+FFFD next.
    return {rule.replacement, rule.length};
  }
  const CodePoint character = first_code_point(text);
  if (!character.valid) return {kReplacementCharacter, 1};
  return {text.substr(0, character.size), character.size};
}

std::string Normalizer::normalize(std::string_view text) const {
  std::string normalized;
  if (remove_extra_whitespaces_) {
    while (!text.empty()) {
      const Step step = next(text);
      if (step.output != " ") break;
      text.remove_prefix(step.consumed);
    }
  }
  if (text.empty()) return normalized;

  const std::size_t limit = kMaxGrowth * (text.size() + kMaxGrowth);
  normalized.reserve(text.size() + text.size() / 2 + space_.size());
  if (add_dummy_prefix_ && !whitespace_as_suffix_) normalized += space_;
  bool after_space = remove_extra_whitespaces_;
  while (!text.empty()) {
    Step step = next(text);
    text.remove_prefix(step.consumed);
    while (after_space && step.output.starts_with(' ')) step.output.remove_prefix(1);
    if (step.output.empty()) continue;
    for (const char byte : step.output) {
      if (byte == ' ') {
        normalized += space_;
      } else {
        normalized += byte;
      }
    }
    if (normalized.size() > limit) {
      fail_bad_input("the tokenizer's character map makes a text more than {} times longer", kMaxGrowth);
    }
    after_space = remove_extra_whitespaces_ && step.output.ends_with(' ');
  }
  if (remove_extra_whitespaces_) {
    while (normalized.ends_with(space_)) normalized.resize(normalized.size() - space_.size());
  }
  if (add_dummy_prefix_ && whitespace_as_suffix_) normalized += space_;
  return normalized;
}

}  // namespace glossa::text
