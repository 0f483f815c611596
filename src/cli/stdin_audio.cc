#include "cli/stdin_audio.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "audio/audio_file.h"
#include "base/fail.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kReadBytes = 1u << 14;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 31;
constexpr std::size_t kMagicBytes = 4;

bool begins_like_a_file(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagicBytes) return false;
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()), kMagicBytes);
  return magic == "RIFF" || magic == "fLaC" || magic == "OggS";
}

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
    : format_(format), wanted_rate_(wanted_rate), resampler_(rate, wanted_rate) {}

bool StdinAudio::read_more() {
  const std::size_t kept = pending_.size();
  if (kept > kMaxFileBytes)
    fail_bad_input("stdin: too long (expected at most {} bytes, got more)", kMaxFileBytes);
  pending_.resize(kept + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::read(STDIN_FILENO, pending_.data() + kept, kReadBytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) fail_bad_input("stdin: cannot read ({})", std::strerror(errno));
  pending_.resize(kept + static_cast<std::size_t>(got));
  return got > 0;
}

std::optional<std::vector<float>> StdinAudio::next() {
  if (finished_) return std::nullopt;
  bool open = read_more();
  if (!started_) {
    while (open && pending_.size() < kMagicBytes) open = read_more();
    started_ = true;
    if (begins_like_a_file(pending_)) {
      while (open) open = read_more();
      finished_ = true;
      return audio::read_audio(pending_, "stdin", wanted_rate_).samples;
    }
  }
  const std::size_t sample_bytes = format_ == PcmFormat::kS16Le ? 2 : sizeof(float);
  const std::size_t whole = pending_.size() / sample_bytes * sample_bytes;
  const auto bytes = std::span(pending_).first(whole);
  auto samples =
      resampler_.push(format_ == PcmFormat::kS16Le ? audio::pcm16_to_float(bytes) : f32_to_float(bytes));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (!open) {
    finished_ = true;
    const auto rest = resampler_.finish();
    samples.insert(samples.end(), rest.begin(), rest.end());
  }
  return samples;
}

}  // namespace glossa::cli
