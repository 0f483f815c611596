#include "cli/stdin_audio.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "cli/mpeg_frame.h"
#include "cli/wav_header.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kReadBytes = 1u << 14;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 31;
constexpr std::size_t kMagicBytes = 12;

// What is told from PCM by its first bytes: wav and its kin, flac, ogg, mp3 with a tag, mp4, webm, aiff, au,
// caf, wavpack, amr, asf and more, whether a decoder is at hand or not.
bool begins_like_a_file(std::span<const std::byte> bytes) {
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), kMagicBytes));
  for (const std::string_view known :
       {"RIFF", "RF64", "riff\x2E\x91\xCF\x11", "fLaC", "OggS", "ID3", "FORM", ".snd", "caff", "wvpk",
        "#!AMR", "\x1A\x45\xDF\xA3", "\x30\x26\xB2\x75\x8E\x66\xCF\x11", "ADIF", "NIST_1A", "TTA1", "MAC "}) {
    if (magic.starts_with(known)) return true;
  }
  return magic.size() >= 8 && magic.substr(4, 4) == "ftyp";
}

volatile std::sig_atomic_t interrupted = 0;

// The first interrupt ends the sound, so that the end of the transcript still comes; the second one ends the
// program.
void on_interrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
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
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
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

// Two bytes of it are in many a sound: a whole header, and where its frame ends the next one or the end.
bool StdinAudio::begins_with_frames(bool& open) {
  const auto frame = mpeg_frame_bytes(pending_);
  if (!frame) return false;
  while (open && pending_.size() < *frame + kFrameHeaderBytes) open = read_more();
  if (pending_.size() <= *frame) return pending_.size() == *frame;
  return mpeg_frame_bytes(std::span(pending_).subspan(*frame)).has_value();
}

bool StdinAudio::begin(bool& open) {
  while (open && pending_.size() < kMagicBytes) open = read_more();
  if (!begins_like_a_file(pending_) && !begins_with_frames(open)) return false;
  WavHeader wav = parse_wav_header(pending_);
  while (open && wav.state == WavHeader::State::kNeedsMore) {
    open = read_more();
    wav = parse_wav_header(pending_);
  }
  if (wav.state == WavHeader::State::kPcm) {
    format_ = wav.is_float ? PcmFormat::kF32Le : PcmFormat::kS16Le;
    channels_ = wav.channels;
    if (wav.data_bytes > 0) bytes_left_ = promised_bytes_ = wav.data_bytes;
    resampler_ = audio::Resampler(wav.rate, wanted_rate_);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(wav.size));
    return false;
  }
  while (open) open = read_more();
  return true;
}

bool StdinAudio::was_interrupted() const { return interrupted != 0; }

void StdinAudio::check_whole() const {
  constexpr std::uint64_t kSlack = 64;  // bytes: as in a file
  if (promised_bytes_ == 0 || bytes_left_ <= kSlack || interrupted != 0) return;
  fail_bad_input("stdin: the file ends early (expected {} bytes of samples, got {})", promised_bytes_,
                 promised_bytes_ - bytes_left_);
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
