#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace glossa {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t digit = 0; digit < kAlphabet.size(); ++digit)
    values[static_cast<unsigned char>(kAlphabet[digit])] = static_cast<std::uint8_t>(digit);
  return values;
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t index = 0; index < 3; ++index)
      group = group << 8 | (index < count ? std::to_integer<std::uint32_t>(bytes[at + index]) : 0);
    for (std::size_t digit = 0; digit < 4; ++digit)
      text += digit <= count ? kAlphabet[group >> (18 - 6 * digit) & 63] : '=';
  }
  return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  static constexpr std::array<std::uint8_t, 256> kValues = digit_values();
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t digits = at + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t index = 0; index < 4; ++index) {
      const std::uint8_t value = index < digits ? kValues[static_cast<unsigned char>(text[at + index])] : 0;
      if (value == kNoDigit) return std::nullopt;
      group = group << 6 | value;
    }
    for (std::size_t index = 0; index + 1 < digits; ++index)
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * index) & 0xff));
    const std::uint32_t unused = digits == 4 ? 0 : group & ((1u << (8 * (4 - digits))) - 1);
    if (unused != 0) return std::nullopt;
  }
  return bytes;
}

}  // namespace glossa
