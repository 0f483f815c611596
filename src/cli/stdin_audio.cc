#include "cli/stdin_audio.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "cli/wav_header.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kReadBytes = 1u << 14;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 31;
constexpr std::size_t kMagicBytes = 12;

// Containers that are told from PCM by their first bytes: wav, flac, ogg, mp3, mp4 and its kin, webm, aiff,
// au.
bool begins_like_a_file(std::span<const std::byte> bytes) {
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), kMagicBytes));
  for (const std::string_view known :
       {"RIFF", "RF64", "fLaC", "OggS", "ID3", "FORM", ".snd", "\x1A\x45\xDF\xA3"}) {
    if (magic.starts_with(known)) return true;
  }
  // An mp3 frame without tag: MPEG 1 or 2, layer 3. As PCM it would be two samples close to zero; wrong
  // guesses end in an error that says so.
  const bool is_mp3 = magic.starts_with("\xFF\xFB") || magic.starts_with("\xFF\xF3");
  return is_mp3 || (magic.size() >= 8 && magic.substr(4, 4) == "ftyp");
}

volatile std::sig_atomic_t interrupted = 0;

// The first interrupt ends the sound, so that the end of the transcript still comes; the second one ends the
// program.
void on_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);
}

std::vector<float> f32_to_float(std::span<const std::byte> bytes) {
  std::vector<float> samples(bytes.size() / sizeof(float));
  std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(float));
  return samples;
}

// The mean of interleaved channels.
std::vector<float> mono(std::vector<float> samples, int channels) {
  if (channels == 1) return samples;
  const auto width = static_cast<std::size_t>(channels);
  std::vector<float> mixed(samples.size() / width);
  for (std::size_t frame = 0; frame < mixed.size(); ++frame) {
    float sum = 0;
    for (std::size_t channel = 0; channel < width; ++channel) sum += samples[frame * width + channel];
    mixed[frame] = sum / static_cast<float>(channels);
  }
  return mixed;
}

}  // namespace

PcmFormat parse_pcm_format(std::string_view name) {
  if (name == "s16le") return PcmFormat::kS16Le;
  if (name == "f32le") return PcmFormat::kF32Le;
  fail_invalid_argument("wrong PCM format (expected s16le or f32le, got {}, from --stdin-format)", name);
}

StdinAudio::StdinAudio(PcmFormat format, int rate, int wanted_rate)
    : format_(format), wanted_rate_(wanted_rate), resampler_(rate, wanted_rate) {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a waiting read() returns
  ::sigaction(SIGINT, &action, nullptr);
}

bool StdinAudio::read_more() {
  const std::size_t kept = pending_.size();
  if (kept > kMaxFileBytes)
    fail_bad_input("stdin: too long (expected at most {} bytes, got more)", kMaxFileBytes);
  pending_.resize(kept + kReadBytes);
  ssize_t got = 0;
  do {
    got = interrupted != 0 ? 0 : ::read(STDIN_FILENO, pending_.data() + kept, kReadBytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) fail_bad_input("stdin: cannot read ({})", std::strerror(errno));
  pending_.resize(kept + static_cast<std::size_t>(got));
  return got > 0;
}

bool StdinAudio::begin(bool& open) {
  while (open && pending_.size() < kMagicBytes) open = read_more();
  if (!begins_like_a_file(pending_)) return false;
  WavHeader wav = parse_wav_header(pending_);
  while (open && wav.state == WavHeader::State::kNeedsMore) {
    open = read_more();
    wav = parse_wav_header(pending_);
  }
  if (wav.state == WavHeader::State::kPcm) {
    format_ = wav.is_float ? PcmFormat::kF32Le : PcmFormat::kS16Le;
    channels_ = wav.channels;
    if (wav.data_bytes > 0) bytes_left_ = wav.data_bytes;
    resampler_ = audio::Resampler(wav.rate, wanted_rate_);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(wav.size));
    return false;
  }
  while (open) open = read_more();
  return true;
}

std::optional<std::vector<float>> StdinAudio::next() {
  if (finished_) return std::nullopt;
  bool open = read_more();
  if (!started_) {
    started_ = true;
    if (begin(open)) {
      finished_ = true;
      return audio::read_audio(pending_, "stdin", wanted_rate_).samples;
    }
  }
  const std::size_t frame_bytes =
      static_cast<std::size_t>(channels_) * (format_ == PcmFormat::kS16Le ? 2 : sizeof(float));
  const auto usable = static_cast<std::size_t>(std::min<std::uint64_t>(pending_.size(), bytes_left_));
  const std::size_t whole = usable / frame_bytes * frame_bytes;
  const auto bytes = std::span(pending_).first(whole);
  auto samples = resampler_.push(
      mono(format_ == PcmFormat::kS16Le ? audio::pcm16_to_float(bytes) : f32_to_float(bytes), channels_));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole));
  bytes_left_ -= whole;
  if (!open || bytes_left_ < frame_bytes) {
    finished_ = true;
    const auto rest = resampler_.finish();
    samples.insert(samples.end(), rest.begin(), rest.end());
  }
  return samples;
}

}  // namespace glossa::cli
