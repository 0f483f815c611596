#include "cli/wav_header.h"

#include <cstring>
#include <string_view>

#include "audio/audio_file.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kMostHeaderBytes = 1 << 16;

template <class T>
T read_number(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

}  // namespace

WavHeader parse_wav_header(std::span<const std::byte> bytes) {
  // RIFF <size> WAVE, then chunks of <name> <size> <content>, padded to even sizes.
  constexpr std::size_t kFirstChunk = 12;
  constexpr std::size_t kChunkHead = 8;
  constexpr std::size_t kFormatBytes = 16;
  constexpr std::size_t kSubFormat = 24;
  constexpr std::uint16_t kInteger = 1;
  constexpr std::uint16_t kFloat = 3;
  constexpr std::uint16_t kExtensible = 0xFFFE;
  const auto name_at = [&](std::size_t at) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()) + at, 4);
  };
  WavHeader header;
  const auto with_state = [&](WavHeader::State state) {
    header.state = state;
    return header;
  };
  const auto too_little =
      bytes.size() < kMostHeaderBytes ? WavHeader::State::kNeedsMore : WavHeader::State::kOther;
  if (bytes.size() < kFirstChunk) return with_state(too_little);
  if (name_at(0) != "RIFF" || name_at(8) != "WAVE") return with_state(WavHeader::State::kOther);
  for (std::size_t at = kFirstChunk; at + kChunkHead <= bytes.size();) {
    const std::string_view name = name_at(at);
    const auto size = read_number<std::uint32_t>(bytes, at + 4);
    const std::size_t content = at + kChunkHead;
    if (name == "data") {
      if (header.channels == 0) return with_state(WavHeader::State::kOther);
      header.size = content;
      header.data_bytes = size < audio::kUnknownWavSize ? size : 0;
      return with_state(WavHeader::State::kPcm);
    }
    if (name == "fmt ") {
      if (size < kFormatBytes) return with_state(WavHeader::State::kOther);
      if (content + size > bytes.size()) return with_state(too_little);
      auto encoding = read_number<std::uint16_t>(bytes, content);
      if (encoding == kExtensible && size >= kSubFormat + 2) {
        encoding = read_number<std::uint16_t>(bytes, content + kSubFormat);
      }
      const auto channels = read_number<std::uint16_t>(bytes, content + 2);
      const auto rate = read_number<std::uint32_t>(bytes, content + 4);
      const auto bits = read_number<std::uint16_t>(bytes, content + 14);
      header.is_float = encoding == kFloat && bits == 32;
      const bool is_taken = header.is_float || (encoding == kInteger && bits == 16);
      constexpr std::uint32_t kMostRate = 10'000'000;
      if (!is_taken || channels == 0 || rate == 0 || rate > kMostRate)
        return with_state(WavHeader::State::kOther);
      header.channels = channels;
      header.rate = static_cast<int>(rate);
    }
    at = content + size + size % 2;
  }
  return with_state(too_little);
}

}  // namespace glossa::cli
