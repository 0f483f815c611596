#include "audio/audio_file.h"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "audio/ffmpeg_decoder.h"
#include "audio/mono_collector.h"
#include "base/fail.h"

namespace glossa::audio {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockSamples = 1u << 15;              // decoded at a time
constexpr std::size_t kMaxPipeBytes = std::size_t{1} << 31;  // of a sound file that comes through a pipe

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using Sndfile = std::unique_ptr<SNDFILE, SndfileCloser>;

// libsndfile's view of bytes in memory.
struct MemoryFile {
  std::span<const std::byte> bytes;
  sf_count_t position = 0;
};

sf_count_t memory_size(void* user) {
  return static_cast<sf_count_t>(static_cast<MemoryFile*>(user)->bytes.size());
}

sf_count_t memory_seek(sf_count_t offset, int whence, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  const auto size = static_cast<sf_count_t>(file.bytes.size());
  sf_count_t base = 0;
  if (whence == SEEK_CUR) base = file.position;
  if (whence == SEEK_END) base = size;
  if (offset < -base || offset > size - base) return -1;
  file.position = base + offset;
  return file.position;
}

sf_count_t memory_read(void* target, sf_count_t count, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  const sf_count_t size = std::min(count, static_cast<sf_count_t>(file.bytes.size()) - file.position);
  if (size <= 0) return 0;
  std::memcpy(target, file.bytes.data() + file.position, static_cast<std::size_t>(size));
  file.position += size;
  return size;
}

sf_count_t memory_write(const void*, sf_count_t, void*) { return 0; }
sf_count_t memory_tell(void* user) { return static_cast<MemoryFile*>(user)->position; }

std::uint32_t little_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 |
         bytes[0];
}

// libsndfile quietly shortens a wav whose data chunk reaches past the end of the file. `read_at(offset,
// bytes, size)` gives false past the end. Sizes near 2^31 and 2^32, and 0, are what programs write into a
// pipe: not a promise.
template <class ReadAt>
void refuse_truncated_wav(const ReadAt& read_at, std::uint64_t file_size, const std::string& name) {
  std::array<std::uint8_t, 12> head{};
  if (!read_at(0, head.data(), head.size())) return;
  if (std::memcmp(head.data(), "RIFF", 4) != 0 || std::memcmp(head.data() + 8, "WAVE", 4) != 0) return;
  constexpr std::uint32_t kUnknownSize = 0x7fff0000u;
  constexpr std::uint64_t kSlack = 64;  // bytes: some writers count the header or padding wrongly
  std::uint64_t offset = head.size();
  std::array<std::uint8_t, 8> chunk{};
  while (read_at(offset, chunk.data(), chunk.size())) {
    const std::uint32_t size = little_endian_32(chunk.data() + 4);
    offset += chunk.size();
    if (std::memcmp(chunk.data(), "data", 4) != 0) {
      offset += std::uint64_t{size} + (size & 1u);
      continue;
    }
    if (size < kUnknownSize && offset + size > file_size + kSlack) {
      fail_bad_input("{}: the file ends early (expected {} bytes of samples, got {})", name, size,
                     file_size - offset);
    }
    return;
  }
}

// FLAC says how many frames it holds; the other formats either cannot lie about it or only estimate.
bool promises_frames(const SF_INFO& info) {
  return (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC && info.frames > 0 &&
         info.frames < SF_COUNT_MAX;
}

AudioFile decode(SNDFILE* file, const SF_INFO& info, const std::string& name, int sample_rate) {
  MonoCollector collector(name, info.samplerate, info.channels, sample_rate);
  if (info.frames < SF_COUNT_MAX) collector.announce(info.frames);
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> block(std::max(kBlockSamples / channels, std::size_t{1}) * channels);
  const auto block_frames = static_cast<sf_count_t>(block.size() / channels);
  while (true) {
    const sf_count_t frames = sf_readf_float(file, block.data(), block_frames);
    if (frames <= 0) break;
    collector.push(std::span(block).first(static_cast<std::size_t>(frames) * channels));
  }
  if (sf_error(file) != SF_ERR_NO_ERROR) {
    fail_bad_input("{}: broken sound file (expected {} sample frames, got {}: {})", name, info.frames,
                   collector.frames(), sf_strerror(file));
  }
  if (promises_frames(info) && collector.frames() < info.frames) {
    fail_bad_input("{}: the file ends early (expected {} sample frames, got {})", name, info.frames,
                   collector.frames());
  }
  return collector.finish();
}

// None when libsndfile does not know the format; `why` is its reason.
std::optional<AudioFile> decode_memory(std::span<const std::byte> bytes, const std::string& name,
                                       int sample_rate, std::string& why) {
  MemoryFile memory{bytes};
  SF_VIRTUAL_IO io{memory_size, memory_seek, memory_read, memory_write, memory_tell};
  SF_INFO info{};
  const Sndfile file(sf_open_virtual(&io, SFM_READ, &info, &memory));
  if (!file) {
    why = sf_strerror(nullptr);
    return std::nullopt;
  }
  const auto read_at = [&](std::uint64_t offset, std::uint8_t* target, std::size_t size) {
    if (offset + size > bytes.size()) return false;
    std::memcpy(target, bytes.data() + offset, size);
    return true;
  };
  refuse_truncated_wav(read_at, bytes.size(), name);
  return decode(file.get(), info, name, sample_rate);
}

std::optional<AudioFile> decode_file(const fs::path& path, int sample_rate, std::string& why) {
  SF_INFO info{};
  const Sndfile file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) {
    why = sf_strerror(nullptr);
    return std::nullopt;
  }
  std::ifstream stream(path, std::ios::binary);
  const auto read_at = [&](std::uint64_t offset, std::uint8_t* target, std::size_t size) {
    stream.clear();
    stream.seekg(static_cast<std::streamoff>(offset));
    return static_cast<bool>(
        stream.read(reinterpret_cast<char*>(target), static_cast<std::streamsize>(size)));
  };
  refuse_truncated_wav(read_at, fs::file_size(path), path.string());
  return decode(file.get(), info, path.string(), sample_rate);
}

std::vector<std::byte> read_pipe(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<std::byte> bytes;
  std::vector<char> block(1u << 16);
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) || stream.gcount() > 0) {
    const auto* begin = reinterpret_cast<const std::byte*>(block.data());
    bytes.insert(bytes.end(), begin, begin + stream.gcount());
    if (bytes.size() > kMaxPipeBytes) {
      fail_bad_input("{}: too long for a pipe (expected at most {} bytes, got more)", path.string(),
                     kMaxPipeBytes);
    }
  }
  return bytes;
}

constexpr std::string_view kKnownFormats = "wav, flac, ogg, opus, mp3 or another format of libsndfile";

}  // namespace

AudioFile read_audio(const fs::path& path, int sample_rate) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) fail_bad_input("{}: no such file (expected a sound file)", path.string());
  if (fs::is_directory(status))
    fail_bad_input("{}: cannot decode (expected a sound file, got a folder)", path.string());
  if (!fs::is_regular_file(status)) return read_audio(read_pipe(path), path.string(), sample_rate);
  if (!std::ifstream(path, std::ios::binary)) {
    fail_bad_input("{}: cannot open the file ({})", path.string(), std::strerror(errno));
  }
  if (fs::file_size(path) == 0)
    fail_bad_input("{}: empty file (expected a sound file, got 0 bytes)", path.string());
  std::string why;
  if (auto file = decode_file(path, sample_rate, why)) return std::move(*file);
  if (auto file = read_with_ffmpeg(path, sample_rate)) return std::move(*file);
  fail_bad_input(
      "{}: cannot decode (expected {}, got: {}; more formats can be read when the ffmpeg program is "
      "installed)",
      path.string(), kKnownFormats, why);
}

AudioFile read_audio(std::span<const std::byte> bytes, const std::string& name, int sample_rate) {
  if (bytes.empty()) fail_bad_input("{}: empty file (expected a sound file, got 0 bytes)", name);
  std::string why;
  if (auto file = decode_memory(bytes, name, sample_rate, why)) return std::move(*file);
  fail_bad_input("{}: cannot decode (expected {}, got: {})", name, kKnownFormats, why);
}

bool has_audio_extension(const fs::path& path) {
  static constexpr std::array<std::string_view, 24> kExtensions = {
      ".3gp", ".aac", ".aif", ".aiff", ".amr",  ".au",   ".caf", ".flac", ".m4a", ".mka",  ".mkv", ".mov",
      ".mp3", ".mp4", ".oga", ".ogg",  ".opus", ".rf64", ".snd", ".w64",  ".wav", ".webm", ".wma", ".wv"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<float> pcm16_to_float(std::span<const std::byte> bytes) {
  std::vector<float> samples(bytes.size() / 2);
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const auto low = std::to_integer<unsigned>(bytes[2 * index]);
    const auto high = std::to_integer<unsigned>(bytes[2 * index + 1]);
    samples[index] = static_cast<float>(static_cast<std::int16_t>(low | high << 8)) / 32768.0f;
  }
  return samples;
}

}  // namespace glossa::audio
