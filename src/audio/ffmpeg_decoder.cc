#include "audio/ffmpeg_decoder.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "audio/sound_collector.h"
#include "base/child_process.h"
#include "base/fail.h"

namespace glossa::audio {
namespace {

constexpr std::size_t kMaxComplaint = 500;  // bytes of ffmpeg's stderr that are worth quoting
constexpr int kMostSilence = 120'000;       // milliseconds without a byte of ffmpeg's

// ffmpeg's names of containers that hold what they play. Not among them: concat, hls, dash, sdp and others
// that open what they are told to, such as other files of this process under /proc.
constexpr const char* kContainers =
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,"
    "w64,wav,wv";

// A running ffmpeg. The destructor kills it when it is still there.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // True when it ended by itself with status 0.
  bool wait() {
    const int status = wait_for_child(std::exchange(pid_, -1));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t pid_;
};

// The pid, or the errno of why it could not be started.
std::pair<pid_t, int> spawn_ffmpeg(const std::string& path, std::optional<double> most_seconds,
                                   const Pipe& output, const Pipe& complaints) {
  // "file:" keeps ffmpeg from reading the path as an option or another protocol; the white list of protocols
  // keeps what the file names from opening network connections.
  std::vector<std::string> words = {"ffmpeg",
                                    "-nostdin",
                                    "-v",
                                    "error",
                                    "-protocol_whitelist",
                                    "file,pipe",
                                    "-format_whitelist",
                                    kContainers,
                                    "-i",
                                    "file:" + path,
                                    "-map",
                                    "0:a:0",
                                    "-vn",
                                    "-sn",
                                    "-dn",
                                    "-c:a",
                                    "pcm_f32be"};
  // Seconds of sound: what a file leaves out between its parts does not count.
  if (most_seconds)
    words.insert(words.end(), {"-af", "asetpts=N/SR/TB", "-t", fmt::format("{:.3f}", *most_seconds)});
  words.insert(words.end(), {"-f", "au", "pipe:1"});
  pid_t pid = -1;
  const int error = start_child(words, output.write_end.get(), complaints.write_end.get(), pid);
  return {pid, error};
}

std::uint32_t big_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

// Sun AU: ".snd", offset of the samples, their size, encoding, rate, channels; all 32 bit, big endian. The
// simplest container that carries rate and channels through a pipe.
class AuParser {
 public:
  AuParser(std::string name, int wanted_rate, ChannelUse use)
      : name_(std::move(name)), wanted_rate_(wanted_rate), use_(use) {}

  void push(const std::uint8_t* bytes, std::size_t size) {
    pending_.insert(pending_.end(), bytes, bytes + size);
    if (!collector_ && !read_header()) return;
    const std::size_t frame_bytes = channels_ * sizeof(float);
    const std::size_t whole = pending_.size() / frame_bytes * frame_bytes;
    samples_.resize(whole / sizeof(float));
    for (std::size_t index = 0; index < samples_.size(); ++index) {
      samples_[index] = std::bit_cast<float>(big_endian_32(pending_.data() + index * sizeof(float)));
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole));
    collector_->push(samples_);
  }

  // None when not even the header came.
  std::optional<AudioChannels> finish() {
    if (!collector_) return std::nullopt;
    return collector_->finish();
  }

 private:
  static constexpr std::size_t kHeader = 24;  // bytes

  bool read_header() {
    if (pending_.size() < kHeader) return false;
    const std::uint32_t offset = big_endian_32(pending_.data() + 4);
    if (std::memcmp(pending_.data(), ".snd", 4) != 0 || offset < kHeader || offset > 1u << 20) {
      throw Error(ErrorCode::kInternal, fmt::format("{}: ffmpeg wrote an unexpected header", name_));
    }
    if (pending_.size() < offset) return false;
    const std::uint32_t rate = big_endian_32(pending_.data() + 16);
    const std::uint32_t channels = big_endian_32(pending_.data() + 20);
    collector_.emplace(name_, static_cast<int>(rate), static_cast<int>(channels), wanted_rate_, use_);
    channels_ = channels;
    pending_.erase(pending_.begin(), pending_.begin() + offset);
    return true;
  }

  std::string name_;
  int wanted_rate_;
  ChannelUse use_;
  std::vector<std::uint8_t> pending_;
  std::vector<float> samples_;  // scratch
  std::size_t channels_ = 0;
  std::optional<SoundCollector> collector_;
};

// Reads what is there. False at the end of the pipe.
bool read_some(int fd, std::vector<std::uint8_t>& buffer, std::size_t& size) {
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
    size = 0;
    return true;
  }
  size = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got > 0;
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  for (char& letter : text) {
    if (letter == '\n' || letter == '\r') letter = ' ';
  }
  return text;
}

}  // namespace

std::optional<AudioChannels> read_with_ffmpeg(const std::filesystem::path& path, int sample_rate,
                                              ChannelUse use, std::optional<double> most_seconds) {
  Pipe output = make_pipe();
  Pipe complaints = make_pipe();
  const auto [pid, error] = spawn_ffmpeg(path.string(), most_seconds, output, complaints);
  if (error == ENOENT) return std::nullopt;
  if (error != 0) {
    throw Error(ErrorCode::kInternal, fmt::format("cannot start ffmpeg: {}", std::strerror(error)));
  }
  Child child(pid);
  output.write_end.close();
  complaints.write_end.close();

  AuParser parser(path.string(), sample_rate, use);
  std::string complaint;
  std::vector<std::uint8_t> buffer(1u << 16);
  std::array<pollfd, 2> waiting = {pollfd{output.read_end.get(), POLLIN, 0},
                                   pollfd{complaints.read_end.get(), POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const int ready = ::poll(waiting.data(), waiting.size(), kMostSilence);
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0) {
      fail_bad_input("{}: cannot decode (expected a sound file, got nothing from ffmpeg for {} s)",
                     path.string(), kMostSilence / 1000);
    }
    std::size_t size = 0;
    if (waiting[0].revents != 0) {
      if (!read_some(waiting[0].fd, buffer, size)) waiting[0].fd = -1;  // poll() passes over negative ones
      if (size > 0) parser.push(buffer.data(), size);
    }
    size = 0;
    if (waiting[1].revents != 0) {
      if (!read_some(waiting[1].fd, buffer, size)) waiting[1].fd = -1;
      if (complaint.size() < kMaxComplaint) {
        complaint.append(reinterpret_cast<const char*>(buffer.data()), std::min(size, kMaxComplaint));
      }
    }
    for (pollfd& entry : waiting) entry.revents = 0;
  }
  const bool succeeded = child.wait();
  std::optional<AudioChannels> file = succeeded ? parser.finish() : std::nullopt;
  if (!file) {
    fail_bad_input("{}: cannot decode (expected a sound file, got from ffmpeg: {})", path.string(),
                   complaint.empty() ? "nothing" : one_line(complaint));
  }
  return file;
}

}  // namespace glossa::audio
