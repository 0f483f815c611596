#include "cli/stdin_audio.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "audio/audio_file.h"
#include "base/fail.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kReadBytes = 1u << 14;

std::vector<float> f32_to_float(std::span<const std::byte> bytes) {
  std::vector<float> samples(bytes.size() / sizeof(float));
  std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(float));
  return samples;
}

}  // namespace

PcmFormat parse_pcm_format(std::string_view name) {
  if (name == "s16le") return PcmFormat::kS16Le;
  if (name == "f32le") return PcmFormat::kF32Le;
  fail_invalid_argument("wrong PCM format (expected s16le or f32le, got {}, from --stdin-format)", name);
}

StdinAudio::StdinAudio(PcmFormat format, int rate, int wanted_rate)
    : format_(format), resampler_(rate, wanted_rate) {}

std::optional<std::vector<float>> StdinAudio::next() {
  if (finished_) return std::nullopt;
  const std::size_t kept = pending_.size();
  pending_.resize(kept + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::read(STDIN_FILENO, pending_.data() + kept, kReadBytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) fail_bad_input("stdin: cannot read ({})", std::strerror(errno));
  pending_.resize(kept + static_cast<std::size_t>(got));
  if (got == 0) {
    finished_ = true;
    return resampler_.finish();
  }
  const std::size_t sample_bytes = format_ == PcmFormat::kS16Le ? 2 : sizeof(float);
  const std::size_t whole = pending_.size() / sample_bytes * sample_bytes;
  const auto bytes = std::span(pending_).first(whole);
  const auto samples = format_ == PcmFormat::kS16Le ? audio::pcm16_to_float(bytes) : f32_to_float(bytes);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole));
  return resampler_.push(samples);
}

}  // namespace glossa::cli
