// Sound files of any kind to float PCM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace glossa::audio {

// Bytes. Sizes in a wav file from here on, and 0, are what programs write into a pipe: no promise.
inline constexpr std::uint32_t kUnknownWavSize = 0x7fff0000u;

struct AudioFile {
  std::vector<float> samples;  // mono: the mean of the channels
  int sample_rate = 0;         // Hz, as asked for
  int original_rate = 0;       // Hz, of the file
  int original_channels = 0;
};

// Channels that read_channels() keeps apart at most.
inline constexpr int kMostSeparateChannels = 8;

// What becomes of a file's channels.
enum class ChannelUse { kMean, kSeparate };

// As AudioFile, with each channel by itself, or their mean as the only one.
struct AudioChannels {
  std::vector<std::vector<float>> channels;  // at least one, all of one length
  int sample_rate = 0;
  int original_rate = 0;
  int original_channels = 0;
};

// Decodes a whole file and resamples it to `sample_rate` Hz. wav, flac, ogg (vorbis, opus), mp3 and whatever
// else libsndfile reads; other formats through the ffmpeg program when it is installed. Error kBadInput names
// the file and, for an unknown format, says that ffmpeg would help when it is missing. NaN and infinite
// samples become 0. A file with no samples gives an empty vector.
AudioFile read_audio(const std::filesystem::path& path, int sample_rate);

// The same for a file already in memory (no ffmpeg). `name` is for messages.
AudioFile read_audio(std::span<const std::byte> bytes, const std::string& name, int sample_rate);

// A part of a sound, in seconds. Of the file's own frames: from round(offset * rate) on, round(duration *
// rate) of them, fewer where the file ends. duration 0: to the end.
struct AudioPart {
  double offset = 0;
  double duration = 0;
};

// Only that part. At the file's own rate the samples are exactly those of the whole. Where the rate differs
// the part is cut out first and resampled alone, with silence around it, so its first and last milliseconds
// differ slightly from the whole's (as in Lhotse). Decodes the part alone where the format can be entered
// exactly (wav, flac), else everything before it, too. A part beyond the end gives no samples.
AudioFile read_audio(const std::filesystem::path& path, int sample_rate, const AudioPart& part);
AudioFile read_audio(std::span<const std::byte> bytes, const std::string& name, int sample_rate,
                     const AudioPart& part);

// The same for recordings that may have a speaker on each channel. Error kBadInput for more than
// kMostSeparateChannels to keep apart.
AudioChannels read_channels(const std::filesystem::path& path, int sample_rate, ChannelUse use,
                            const AudioPart& part = {});
AudioChannels read_channels(std::span<const std::byte> bytes, const std::string& name, int sample_rate,
                            ChannelUse use, const AudioPart& part = {});

// Seconds of the whole sound by its header; formats that only ffmpeg knows are decoded for it. Errors as
// above.
double audio_duration(const std::filesystem::path& path);
double audio_duration(std::span<const std::byte> bytes, const std::string& name);

// True when the file name's extension is one that directories are searched for.
bool has_audio_extension(const std::filesystem::path& path);

// Little-endian signed 16-bit PCM to float in [-1, 1): value / 32768. A trailing odd byte is ignored.
std::vector<float> pcm16_to_float(std::span<const std::byte> bytes);

}  // namespace glossa::audio
