#include "audio/audio_writer.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "audio/sndfile_handle.h"
#include "base/fail.h"

namespace glossa::audio {
namespace {

struct GrowingFile {
  std::vector<std::byte> bytes;
  std::size_t position = 0;
};

GrowingFile& file_of(void* user) { return *static_cast<GrowingFile*>(user); }

sf_count_t size_of(void* user) { return static_cast<sf_count_t>(file_of(user).bytes.size()); }
sf_count_t tell(void* user) { return static_cast<sf_count_t>(file_of(user).position); }

sf_count_t seek(sf_count_t offset, int whence, void* user) {
  GrowingFile& file = file_of(user);
  sf_count_t base = 0;
  if (whence == SEEK_CUR) base = static_cast<sf_count_t>(file.position);
  if (whence == SEEK_END) base = static_cast<sf_count_t>(file.bytes.size());
  if (offset < -base) return -1;
  file.position = static_cast<std::size_t>(base + offset);
  return base + offset;
}

sf_count_t read(void* target, sf_count_t count, void* user) {
  GrowingFile& file = file_of(user);
  if (file.position >= file.bytes.size()) return 0;
  const std::size_t size = std::min(static_cast<std::size_t>(count), file.bytes.size() - file.position);
  std::memcpy(target, file.bytes.data() + file.position, size);
  file.position += size;
  return static_cast<sf_count_t>(size);
}

sf_count_t write(const void* source, sf_count_t count, void* user) {
  GrowingFile& file = file_of(user);
  const auto size = static_cast<std::size_t>(count);
  if (file.bytes.size() < file.position + size) file.bytes.resize(file.position + size);
  std::memcpy(file.bytes.data() + file.position, source, size);
  file.position += size;
  return count;
}

std::int16_t to_pcm16(float sample) {
  return static_cast<std::int16_t>(std::lrint(std::clamp(sample * 32768.0f, -32768.0f, 32767.0f)));
}

}  // namespace

std::vector<std::byte> encode_audio(std::span<const float> samples, int sample_rate, SoundFormat format) {
  std::vector<std::int16_t> pcm(samples.size());
  std::transform(samples.begin(), samples.end(), pcm.begin(), to_pcm16);
  SF_INFO info{};
  info.samplerate = sample_rate;
  info.channels = 1;
  info.format = (format == SoundFormat::kFlac ? SF_FORMAT_FLAC : SF_FORMAT_WAV) | SF_FORMAT_PCM_16;
  GrowingFile memory;
  SF_VIRTUAL_IO io{size_of, seek, read, write, tell};
  {
    const Sndfile file(sf_open_virtual(&io, SFM_WRITE, &info, &memory));
    if (!file) {
      fail_invalid_argument("cannot encode sound of {} Hz as {} ({})", sample_rate,
                            format == SoundFormat::kFlac ? "flac" : "wav", sf_strerror(nullptr));
    }
    const auto count = static_cast<sf_count_t>(pcm.size());
    if (sf_write_short(file.get(), pcm.data(), count) != count) {
      fail_invalid_argument("cannot encode {} samples ({})", pcm.size(), sf_strerror(file.get()));
    }
  }
  return std::move(memory.bytes);
}

}  // namespace glossa::audio
