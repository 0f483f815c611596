#include "serve/sound_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "audio/audio_file.h"
#include "base/fail.h"

namespace glossa::serve {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kLongestHeader = 1u << 16;  // bytes
constexpr int kLowestRate = 8000;                 // Hz
constexpr int kHighestRate = 192'000;             // Hz, of a WAV file
constexpr int kMostFileChannels = 32;             // of a WAV file
constexpr std::size_t kRiffSize = 12;             // "RIFF", size, "WAVE"
constexpr std::size_t kChunkHeader = 8;           // name, size

std::uint32_t little_endian(std::string_view bytes, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t index = 0; index < count; ++index)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[index])} << (8 * index);
  return value;
}

// G.711.
float mulaw_sample(std::uint8_t code) {
  const int bits = ~code & 0xff;
  const int magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
  return static_cast<float>((bits & 0x80) != 0 ? -magnitude : magnitude) / 32768.0f;
}

float alaw_sample(std::uint8_t code) {
  const int bits = code ^ 0x55;
  const int exponent = (bits & 0x70) >> 4;
  int magnitude = ((bits & 0x0f) << 4) + 8;
  if (exponent > 0) magnitude = (magnitude + 0x100) << (exponent - 1);
  return static_cast<float>((bits & 0x80) != 0 ? magnitude : -magnitude) / 32768.0f;
}

float sample_of(SampleFormat format, std::string_view bytes) {
  const std::uint32_t bits = little_endian(bytes, sample_size(format));
  switch (format) {
    case SampleFormat::kUnsigned8:
      return (static_cast<float>(bits) - 128.0f) / 128.0f;
    case SampleFormat::kMulaw:
      return mulaw_sample(static_cast<std::uint8_t>(bits));
    case SampleFormat::kAlaw:
      return alaw_sample(static_cast<std::uint8_t>(bits));
    case SampleFormat::kSigned16:
      return static_cast<float>(static_cast<std::int16_t>(bits)) / 32768.0f;
    case SampleFormat::kSigned24:
      return static_cast<float>(static_cast<std::int32_t>(bits << 8)) / 2147483648.0f;
    case SampleFormat::kSigned32:
      return static_cast<float>(static_cast<std::int32_t>(bits)) / 2147483648.0f;
    case SampleFormat::kFloat32: {
      const float value = std::bit_cast<float>(bits);
      return std::isfinite(value) ? value : 0.0f;
    }
  }
  return 0;
}

SampleFormat wav_samples(std::uint32_t tag, std::uint32_t bits) {
  constexpr std::uint32_t kPcm = 1;
  constexpr std::uint32_t kFloat = 3;
  constexpr std::uint32_t kAlawTag = 6;
  constexpr std::uint32_t kMulawTag = 7;
  if (tag == kPcm && bits == 8) return SampleFormat::kUnsigned8;
  if (tag == kPcm && bits == 16) return SampleFormat::kSigned16;
  if (tag == kPcm && bits == 24) return SampleFormat::kSigned24;
  if (tag == kPcm && bits == 32) return SampleFormat::kSigned32;
  if (tag == kFloat && bits == 32) return SampleFormat::kFloat32;
  if (tag == kAlawTag && bits == 8) return SampleFormat::kAlaw;
  if (tag == kMulawTag && bits == 8) return SampleFormat::kMulaw;
  fail_bad_input(
      "WAV header: samples of format {} with {} bits cannot be streamed (expected PCM of 8 to 32 bits, "
      "32-bit float, mu-law or A-law)",
      tag, bits);
}

RawFormat wav_format(std::string_view chunk) {
  constexpr std::uint32_t kExtensible = 0xfffe;
  if (chunk.size() < 16)
    fail_bad_input("WAV header: the fmt chunk has {} bytes, expected 16 or more", chunk.size());
  std::uint32_t tag = little_endian(chunk, 2);
  if (tag == kExtensible && chunk.size() >= 26) tag = little_endian(chunk.substr(24), 2);
  RawFormat format;
  format.channels = static_cast<int>(little_endian(chunk.substr(2), 2));
  const std::uint32_t rate = little_endian(chunk.substr(4), 4);
  if (rate < kLowestRate || rate > kHighestRate)
    fail_bad_input("WAV header: {} Hz, expected {} to {}", rate, kLowestRate, kHighestRate);
  if (format.channels < 1 || format.channels > kMostFileChannels)
    fail_bad_input("WAV header: {} channels, expected 1 to {}", format.channels, kMostFileChannels);
  format.rate = static_cast<int>(rate);
  format.samples = wav_samples(tag, little_endian(chunk.substr(14), 2));
  return format;
}

struct WavHeader {
  RawFormat format;
  std::uint64_t data_bytes = kNoEnd;
  std::size_t size = 0;  // bytes before the first sample
};

// None when more bytes are needed.
std::optional<WavHeader> find_samples(std::string_view bytes) {
  std::optional<RawFormat> format;
  std::size_t at = kRiffSize;
  while (at + kChunkHeader <= bytes.size()) {
    const std::string_view name = bytes.substr(at, 4);
    const std::size_t size = little_endian(bytes.substr(at + 4), 4);
    at += kChunkHeader;
    if (name == "data") {
      if (!format) fail_bad_input("WAV header: no fmt chunk before the samples");
      return WavHeader{*format, size == 0 || size >= audio::kUnknownWavSize ? kNoEnd : size, at};
    }
    if (at + size > kLongestHeader) fail_bad_input("WAV header: no samples within {} bytes", kLongestHeader);
    if (name == "fmt ") {
      if (at + size > bytes.size()) return std::nullopt;
      format = wav_format(bytes.substr(at, size));
    }
    at += size + size % 2;  // chunks begin at even bytes
  }
  return std::nullopt;
}

struct FileKind {
  std::string_view beginning;
  std::string_view name;
};
constexpr std::array<FileKind, 4> kOtherFiles = {
    {{"fLaC", "FLAC"}, {"OggS", "Ogg"}, {"ID3", "MP3"}, {"\x1A\x45\xDF\xA3", "WebM"}}};

// As far as they go, be it one byte.
bool agree(std::string_view bytes, std::string_view beginning) {
  const std::size_t size = std::min(bytes.size(), beginning.size());
  return bytes.substr(0, size) == beginning.substr(0, size);
}

bool may_be_wav(std::string_view bytes) {
  return agree(bytes, "RIFF") && (bytes.size() <= 8 || agree(bytes.substr(8), "WAVE"));
}

}  // namespace

std::size_t sample_size(SampleFormat format) {
  switch (format) {
    case SampleFormat::kUnsigned8:
    case SampleFormat::kMulaw:
    case SampleFormat::kAlaw:
      return 1;
    case SampleFormat::kSigned16:
      return 2;
    case SampleFormat::kSigned24:
      return 3;
    case SampleFormat::kSigned32:
    case SampleFormat::kFloat32:
      return 4;
  }
  return 1;
}

SampleReader::SampleReader(const RawFormat& format, bool separate, int wanted_rate)
    : format_(format), separate_(separate), wanted_rate_(wanted_rate), left_(kNoEnd) {}

void SampleReader::begin(const RawFormat& format) {
  if (separate_ && format.channels != format_.channels)
    fail_invalid_argument("the WAV header says {} channels, the client {}", format.channels,
                          format_.channels);
  format_ = format;
  const int sounds = separate_ ? format.channels : 1;
  for (int sound = 0; sound < sounds; ++sound) resamplers_.emplace_back(format.rate, wanted_rate_);
}

bool SampleReader::read_header() {
  if (!resamplers_.empty()) return true;
  if (buffer_.empty()) return false;
  for (const FileKind& kind : kOtherFiles) {
    if (!agree(buffer_, kind.beginning)) continue;
    if (buffer_.size() < kind.beginning.size()) return false;
    fail_bad_input("a file of kind {} cannot be streamed: send samples, or the file in one request",
                   kind.name);
  }
  if (may_be_wav(buffer_)) {
    if (buffer_.size() < kRiffSize) return false;
    const std::optional<WavHeader> header = find_samples(buffer_);
    if (!header) return false;
    buffer_.erase(0, header->size);
    left_ = header->data_bytes;
    begin(header->format);
  } else {
    begin(format_);
  }
  return true;
}

std::vector<std::vector<float>> SampleReader::read_samples() {
  const auto channels = static_cast<std::size_t>(format_.channels);
  const std::size_t size = sample_size(format_.samples);
  const std::size_t usable = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), left_));
  const std::size_t frames = usable / (size * channels);
  std::vector<std::vector<float>> sounds(resamplers_.size());
  for (std::vector<float>& sound : sounds) sound.reserve(frames);
  const std::string_view bytes = buffer_;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    float sum = 0;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const float sample =
          sample_of(format_.samples, bytes.substr((frame * channels + channel) * size, size));
      if (separate_) {
        sounds[channel].push_back(sample);
      } else {
        sum += sample;
      }
    }
    if (!separate_) sounds.front().push_back(sum / static_cast<float>(channels));
  }
  const std::size_t used = frames * size * channels;
  buffer_.erase(0, used);
  if (left_ != kNoEnd) left_ -= used;
  if (left_ < size * channels) {
    left_ = 0;
    buffer_.clear();
  }
  for (std::size_t sound = 0; sound < sounds.size(); ++sound)
    sounds[sound] = resamplers_[sound].push(sounds[sound]);
  return sounds;
}

std::vector<std::vector<float>> SampleReader::push(std::string_view bytes) {
  if (left_ == 0) return {};
  buffer_ += bytes;
  try {
    if (!read_header()) return {};
  } catch (...) {
    buffer_.clear();
    throw;
  }
  return read_samples();
}

std::vector<std::vector<float>> SampleReader::flush() {
  std::vector<std::vector<float>> sounds;
  for (audio::Resampler& resampler : resamplers_) {
    sounds.push_back(resampler.finish());
    resampler = audio::Resampler(format_.rate, wanted_rate_);
  }
  return sounds;
}

std::vector<std::vector<float>> SampleReader::finish() {
  std::vector<std::vector<float>> sounds;
  if (resamplers_.empty() && buffer_.size() < kRiffSize) {  // a few samples that begin as a WAV file does
    begin(format_);
    sounds = read_samples();
  }
  sounds.resize(resamplers_.size());
  for (std::size_t sound = 0; sound < sounds.size(); ++sound) {
    const std::vector<float> rest = resamplers_[sound].finish();
    sounds[sound].insert(sounds[sound].end(), rest.begin(), rest.end());
  }
  return sounds;
}

std::vector<std::vector<float>> read_samples(std::string_view bytes, const RawFormat& format, bool separate,
                                             int wanted_rate) {
  SampleReader reader(format, separate, wanted_rate);
  std::vector<std::vector<float>> sounds = reader.push(bytes);
  const std::vector<std::vector<float>> rest = reader.finish();
  sounds.resize(std::max<std::size_t>(rest.size(), 1));
  for (std::size_t sound = 0; sound < rest.size(); ++sound)
    sounds[sound].insert(sounds[sound].end(), rest[sound].begin(), rest[sound].end());
  return sounds;
}

bool is_wav_file(std::string_view bytes) { return bytes.size() >= kRiffSize && may_be_wav(bytes); }

bool is_sound_file(std::string_view bytes) {
  return is_wav_file(bytes) || std::any_of(kOtherFiles.begin(), kOtherFiles.end(), [&](const FileKind& kind) {
           return bytes.starts_with(kind.beginning);
         });
}

bool looks_like_mp3(std::string_view bytes) {
  return bytes.size() > 3 && static_cast<unsigned char>(bytes[0]) == 0xff &&
         (static_cast<unsigned char>(bytes[1]) & 0xe6) == 0xe2;  // sync, layer III
}

}  // namespace glossa::serve
