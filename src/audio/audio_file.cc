#include "audio/audio_file.h"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>

#include "audio/ffmpeg_decoder.h"
#include "audio/sndfile_handle.h"
#include "audio/sound_collector.h"
#include "base/fail.h"
#include "base/lfs_pointer.h"
#include "base/mapped_file.h"

namespace glossa::audio {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockSamples = 1u << 15;              // decoded at a time
constexpr std::size_t kMaxPipeBytes = std::size_t{1} << 31;  // of a sound file that comes through a pipe

// libsndfile's view of bytes in memory.
struct MemoryFile {
  std::span<const std::byte> bytes;
  bool is_unclosed_wav = false;
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
  if (file.is_unclosed_wav) {
    // libsndfile takes what follows for samples where the sizes are 8 and 0.
    constexpr sf_count_t kRiffSize = 4;  // position of the little-endian number
    for (sf_count_t at = std::max(file.position, kRiffSize);
         at < std::min(file.position + size, kRiffSize + 4); ++at)
      static_cast<char*>(target)[at - file.position] = at == kRiffSize ? 8 : 0;
  }
  file.position += size;
  return size;
}

sf_count_t memory_write(const void*, sf_count_t, void*) { return 0; }
sf_count_t memory_tell(void* user) { return static_cast<MemoryFile*>(user)->position; }

std::uint32_t little_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 |
         bytes[0];
}

constexpr std::uint64_t kWavSlack = 64;  // bytes: some writers count the header or padding wrongly

struct WavChunk {
  std::array<std::uint8_t, 8> header{};
  std::uint64_t offset = 0;  // of what is in it

  bool is(const char* name) const { return std::memcmp(header.data(), name, 4) == 0; }
  std::uint32_t size() const { return little_endian_32(header.data() + 4); }
  std::uint64_t end() const { return offset + size() + (size() & 1u); }
};

// `read_at(offset, bytes, size)` gives false past the end.
template <class ReadAt>
std::optional<WavChunk> wav_chunk_at(const ReadAt& read_at, std::uint64_t offset) {
  WavChunk chunk;
  if (!read_at(offset, chunk.header.data(), chunk.header.size())) return std::nullopt;
  chunk.offset = offset + chunk.header.size();
  return chunk;
}

template <class ReadAt>
std::optional<WavChunk> wav_data(const ReadAt& read_at) {
  std::array<std::uint8_t, 12> head{};
  if (!read_at(0, head.data(), head.size())) return std::nullopt;
  if (std::memcmp(head.data(), "RIFF", 4) != 0 || std::memcmp(head.data() + 8, "WAVE", 4) != 0)
    return std::nullopt;
  auto chunk = wav_chunk_at(read_at, head.size());
  while (chunk && !chunk->is("data")) chunk = wav_chunk_at(read_at, chunk->end());
  return chunk;
}

// libsndfile quietly shortens a wav whose data chunk reaches past the end of the file.
template <class ReadAt>
void refuse_truncated_wav(const ReadAt& read_at, std::uint64_t file_size, const std::string& name) {
  const auto data = wav_data(read_at);
  if (!data || data->size() >= kUnknownWavSize || data->offset + data->size() <= file_size + kWavSlack)
    return;
  fail_bad_input("{}: the file ends early (expected {} bytes of samples, got {})", name, data->size(),
                 file_size - data->offset);
}

// A recorder that was killed leaves 0 as the size of its samples: what follows is no chunk then.
template <class ReadAt>
bool is_unclosed_wav(const ReadAt& read_at, std::uint64_t file_size) {
  const auto data = wav_data(read_at);
  if (!data || data->size() != 0) return false;
  for (auto chunk = wav_chunk_at(read_at, data->offset); chunk; chunk = wav_chunk_at(read_at, chunk->end())) {
    const auto is_letter = [](std::uint8_t byte) { return byte >= ' ' && byte <= '~'; };
    if (!std::all_of(chunk->header.begin(), chunk->header.begin() + 4, is_letter)) return true;
    if (chunk->offset + chunk->size() > file_size + kWavSlack) return true;
  }
  return false;
}

// FLAC says how many frames it holds; the other formats either cannot lie about it or only estimate.
bool promises_frames(const SF_INFO& info) {
  return (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC && info.frames > 0 &&
         info.frames < SF_COUNT_MAX;
}

// Formats in which libsndfile finds a frame exactly: samples that do not depend on those before them, and
// FLAC.
bool seeks_exactly(const SF_INFO& info) {
  const int container = info.format & SF_FORMAT_TYPEMASK;
  if (!info.seekable || container == SF_FORMAT_OGG || container == SF_FORMAT_MPEG) return false;
  const int coding = info.format & SF_FORMAT_SUBMASK;
  return (coding >= SF_FORMAT_PCM_S8 && coding <= SF_FORMAT_DOUBLE) || coding == SF_FORMAT_ULAW ||
         coding == SF_FORMAT_ALAW;
}

// A part in frames of the file.
struct FrameRange {
  sf_count_t begin = 0;
  sf_count_t count = SF_COUNT_MAX;
};

FrameRange frame_range(const AudioPart& part, int rate, const std::string& name) {
  constexpr double kMost = kMaxHours * 3600;
  if (!(part.offset >= 0 && part.offset <= kMost && part.duration >= 0 && part.duration <= kMost)) {
    fail_bad_input(
        "{}: unusable part (expected an offset and a duration of 0 to {} hours, got {} s and {} s)", name,
        kMaxHours, part.offset, part.duration);
  }
  FrameRange range{std::llround(part.offset * rate)};
  if (part.duration > 0) range.count = std::llround(part.duration * rate);
  return range;
}

// What is wanted of a file.
struct Order {
  int sample_rate = 0;  // Hz
  AudioPart part;
  ChannelUse channels = ChannelUse::kMean;
};

AudioChannels decode(SNDFILE* file, const SF_INFO& info, const std::string& name, const Order& order) {
  SoundCollector collector(name, info.samplerate, info.channels, order.sample_rate, order.channels);
  const FrameRange range = frame_range(order.part, info.samplerate, name);
  const bool known_size = info.frames < SF_COUNT_MAX;
  if (known_size && range.count > info.frames) collector.announce(info.frames);
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> block(std::max(kBlockSamples / channels, std::size_t{1}) * channels);
  const auto block_frames = static_cast<sf_count_t>(block.size() / channels);
  sf_count_t position = 0;
  if (range.begin > 0 && seeks_exactly(info) && known_size) {
    if (range.begin >= info.frames) return collector.finish();
    position = std::max<sf_count_t>(0, sf_seek(file, range.begin, SEEK_SET));
  }
  while (position - range.begin < range.count) {
    // What lies before the part is decoded in blocks that end where it begins.
    const sf_count_t left =
        position < range.begin ? range.begin - position : range.count - (position - range.begin);
    const sf_count_t frames = sf_readf_float(file, block.data(), std::min(block_frames, left));
    if (frames <= 0) break;
    if (position >= range.begin) {
      collector.push(std::span(block).first(static_cast<std::size_t>(frames) * channels));
    }
    position += frames;
  }
  if (sf_error(file) != SF_ERR_NO_ERROR) {
    fail_bad_input("{}: broken sound file (expected {} sample frames, got {}: {})", name, info.frames,
                   position, sf_strerror(file));
  }
  const bool to_the_end = range.count > info.frames || range.begin > info.frames - range.count;
  const sf_count_t expected = to_the_end ? info.frames : range.begin + range.count;
  if (promises_frames(info) && position < expected) {
    fail_bad_input("{}: the file ends early (expected {} sample frames, got {})", name, expected, position);
  }
  return collector.finish();
}

// Calls use(file, info, name) for what libsndfile knows. None when open_sndfile() gives none, with its `why`.
template <class Use>
auto open_memory(std::span<const std::byte> bytes, const std::string& name, std::string& why, const Use& use)
    -> std::optional<decltype(use(nullptr, SF_INFO{}, name))> {
  const auto read_at = [&](std::uint64_t offset, std::uint8_t* target, std::size_t size) {
    if (offset + size > bytes.size()) return false;
    std::memcpy(target, bytes.data() + offset, size);
    return true;
  };
  MemoryFile memory{bytes, is_unclosed_wav(read_at, bytes.size())};
  SF_VIRTUAL_IO io{memory_size, memory_seek, memory_read, memory_write, memory_tell};
  SF_INFO info{};
  const Sndfile file = open_sndfile(bytes, io, &memory, info, why);
  if (!file) return std::nullopt;
  refuse_truncated_wav(read_at, bytes.size(), name);
  return use(file.get(), info, name);
}

template <class Use>
auto open_file(const fs::path& path, std::string& why, const Use& use)
    -> std::optional<decltype(use(nullptr, SF_INFO{}, path.string()))> {
  SF_INFO info{};
  const Sndfile file = open_sndfile(path, info, why);
  if (!file) return std::nullopt;
  std::ifstream stream(path, std::ios::binary);
  const auto read_at = [&](std::uint64_t offset, std::uint8_t* target, std::size_t size) {
    stream.clear();
    stream.seekg(static_cast<std::streamoff>(offset));
    return static_cast<bool>(
        stream.read(reinterpret_cast<char*>(target), static_cast<std::streamsize>(size)));
  };
  const std::uint64_t size = fs::file_size(path);
  if (is_unclosed_wav(read_at, size)) return open_memory(MappedFile(path).bytes(), path.string(), why, use);
  refuse_truncated_wav(read_at, size, path.string());
  return use(file.get(), info, path.string());
}

double header_seconds(SNDFILE*, const SF_INFO& info, const std::string& name) {
  const SoundCollector checked(name, info.samplerate, info.channels, info.samplerate, ChannelUse::kMean);
  if (info.frames >= SF_COUNT_MAX) fail_bad_input("{}: the file does not say how long it is", name);
  checked.announce(info.frames);
  return static_cast<double>(info.frames) / info.samplerate;
}

// Of what was decoded whole.
AudioChannels cut_out(AudioChannels file, const AudioPart& part, const std::string& name) {
  const FrameRange range = frame_range(part, file.sample_rate, name);
  for (std::vector<float>& samples : file.channels) {
    const auto size = static_cast<sf_count_t>(samples.size());
    const sf_count_t begin = std::min(range.begin, size);
    const sf_count_t count = std::min(range.count, size - begin);
    samples.erase(samples.begin() + begin + count, samples.end());
    samples.erase(samples.begin(), samples.begin() + begin);
  }
  return file;
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

// False for a pipe and the like, where only reading on tells more.
bool is_sound_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) fail_bad_input("{}: no such file (expected a sound file)", path.string());
  if (fs::is_directory(status))
    fail_bad_input("{}: cannot decode (expected a sound file, got a folder)", path.string());
  if (!fs::is_regular_file(status)) return false;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_bad_input("{}: cannot open the file ({})", path.string(), std::strerror(errno));
  if (fs::file_size(path) == 0)
    fail_bad_input("{}: empty file (expected a sound file, got 0 bytes)", path.string());
  char begin[64];
  file.read(begin, sizeof begin);
  if (is_lfs_pointer({begin, static_cast<std::size_t>(file.gcount())})) fail_lfs_pointer(path.string());
  return true;
}

[[noreturn]] void fail_without_ffmpeg(const fs::path& path, const std::string& why) {
  fail_bad_input(
      "{}: cannot decode (expected {}, got: {}; more formats can be read when the ffmpeg program is "
      "installed)",
      path.string(), kKnownFormats, why);
}

auto decoder(const Order& order) {
  return [&order](SNDFILE* file, const SF_INFO& info, const std::string& name) {
    return decode(file, info, name, order);
  };
}

AudioChannels read(std::span<const std::byte> bytes, const std::string& name, const Order& order) {
  if (bytes.empty()) fail_bad_input("{}: empty file (expected a sound file, got 0 bytes)", name);
  std::string why;
  if (auto file = open_memory(bytes, name, why, decoder(order))) return std::move(*file);
  fail_bad_input("{}: cannot decode (expected {}, got: {})", name, kKnownFormats, why);
}

AudioChannels read(const fs::path& path, const Order& order) {
  if (!is_sound_file(path)) return read(read_pipe(path), path.string(), order);
  std::string why;
  if (auto file = open_file(path, why, decoder(order))) return std::move(*file);
  const AudioPart& part = order.part;
  std::optional<double> most_seconds;
  if (part.duration > 0) most_seconds = part.offset + part.duration + 1;  // cut_out() does it to the frame
  if (auto file = read_with_ffmpeg(path, order.sample_rate, order.channels, most_seconds))
    return cut_out(std::move(*file), part, path.string());
  fail_without_ffmpeg(path, why);
}

AudioFile mono(AudioChannels file) {
  return {std::move(file.channels.front()), file.sample_rate, file.original_rate, file.original_channels};
}

}  // namespace

AudioFile read_audio(const fs::path& path, int sample_rate) {
  return read_audio(path, sample_rate, AudioPart{});
}

AudioFile read_audio(std::span<const std::byte> bytes, const std::string& name, int sample_rate) {
  return read_audio(bytes, name, sample_rate, AudioPart{});
}

AudioFile read_audio(const fs::path& path, int sample_rate, const AudioPart& part) {
  return mono(read_channels(path, sample_rate, ChannelUse::kMean, part));
}

AudioFile read_audio(std::span<const std::byte> bytes, const std::string& name, int sample_rate,
                     const AudioPart& part) {
  return mono(read_channels(bytes, name, sample_rate, ChannelUse::kMean, part));
}

AudioChannels read_channels(const fs::path& path, int sample_rate, ChannelUse use, const AudioPart& part) {
  return read(path, {sample_rate, part, use});
}

AudioChannels read_channels(std::span<const std::byte> bytes, const std::string& name, int sample_rate,
                            ChannelUse use, const AudioPart& part) {
  return read(bytes, name, {sample_rate, part, use});
}

double audio_duration(const fs::path& path) {
  if (!is_sound_file(path)) return audio_duration(read_pipe(path), path.string());
  std::string why;
  if (const auto seconds = open_file(path, why, header_seconds)) return *seconds;
  constexpr int kRate = 16000;  // Hz; any would do
  if (const auto file = read_with_ffmpeg(path, kRate, ChannelUse::kMean))
    return static_cast<double>(file->channels.front().size()) / kRate;
  fail_without_ffmpeg(path, why);
}

double audio_duration(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.empty()) fail_bad_input("{}: empty file (expected a sound file, got 0 bytes)", name);
  std::string why;
  if (const auto seconds = open_memory(bytes, name, why, header_seconds)) return *seconds;
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
