#include "cli/mpeg_frame.h"

#include <array>
#include <cstdint>

namespace glossa::cli {
namespace {

// kbit/s by the header's index.
using BitRates = std::array<int, 15>;
constexpr BitRates kMpeg1Layer1 = {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448};
constexpr BitRates kMpeg1Layer2 = {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384};
constexpr BitRates kMpeg1Layer3 = {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
constexpr BitRates kMpeg2Layer1 = {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256};
constexpr BitRates kMpeg2Layer2And3 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};

const BitRates& bit_rates(bool mpeg1, int layer) {
  if (layer == 1) return mpeg1 ? kMpeg1Layer1 : kMpeg2Layer1;
  if (!mpeg1) return kMpeg2Layer2And3;
  return layer == 2 ? kMpeg1Layer2 : kMpeg1Layer3;
}

// The layer's bits are 0 in ADTS, where MPEG audio has none of that number.
std::optional<std::size_t> adts_frame_bytes(std::span<const unsigned> header) {
  const unsigned rate = header[2] >> 2 & 0xf;
  const std::size_t size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5;
  if ((header[1] & 0xf0) != 0xf0 || rate > 12 || size <= kFrameHeaderBytes) return std::nullopt;
  return size;
}

}  // namespace

std::optional<std::size_t> mpeg_frame_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  std::array<unsigned, kFrameHeaderBytes> header{};
  for (std::size_t index = 0; index < header.size(); ++index)
    header[index] = std::to_integer<unsigned>(bytes[index]);
  if (header[0] != 0xff || (header[1] & 0xe0) != 0xe0) return std::nullopt;
  const unsigned layer_bits = header[1] >> 1 & 3;
  if (layer_bits == 0) return adts_frame_bytes(header);

  const unsigned version = header[1] >> 3 & 3;  // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
  const unsigned bit_rate = header[2] >> 4;
  const unsigned rate = header[2] >> 2 & 3;
  const unsigned emphasis = header[3] & 3;
  if (version == 1 || bit_rate == 0 || bit_rate == 15 || rate == 3 || emphasis == 2) return std::nullopt;
  constexpr std::array<int, 3> kRates = {44100, 48000, 32000};  // Hz, of MPEG 1
  const int sample_rate = kRates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const int layer = 4 - static_cast<int>(layer_bits);
  const int padding = static_cast<int>(header[2] >> 1 & 1);
  const int bits_per_second = bit_rates(version == 3, layer)[bit_rate] * 1000;
  if (layer == 1) return static_cast<std::size_t>(12 * bits_per_second / sample_rate + padding) * 4;
  const int bytes_per_frame = layer == 3 && version != 3 ? 72 : 144;  // an eighth of its samples
  return static_cast<std::size_t>(bytes_per_frame * bits_per_second / sample_rate + padding);
}

}  // namespace glossa::cli
