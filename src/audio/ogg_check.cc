#include "audio/ogg_check.h"

#include <fmt/format.h>
#include <ogg/ogg.h>
#include <vorbis/codec.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace glossa::audio {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

constexpr std::size_t kBlockBytes = 4096;  // read at a time
constexpr int kHeaders = 3;                // of Vorbis: identification, comments, setup
constexpr std::string_view kVorbis = "\001vorbis";

// Reads pages and packets as libsndfile does.
class VorbisHeaders {
 public:
  explicit VorbisHeaders(std::FILE* file) : file_(file) {
    ogg_sync_init(&sync_);
    ogg_stream_init(&stream_, 0);
    vorbis_info_init(&info_);
    vorbis_comment_init(&comment_);
  }

  ~VorbisHeaders() {
    vorbis_comment_clear(&comment_);
    vorbis_info_clear(&info_);
    ogg_stream_clear(&stream_);
    ogg_sync_clear(&sync_);
  }

  VorbisHeaders(const VorbisHeaders&) = delete;
  VorbisHeaders& operator=(const VorbisHeaders&) = delete;

  // How many there are before the first that is missing or damaged. All of them when the file does not begin
  // with Vorbis.
  int count_good() {
    if (!next_page() || !page_is_vorbis()) return kHeaders;
    if (ogg_page_packets(&page_) != 1) return 0;
    ogg_stream_reset_serialno(&stream_, ogg_page_serialno(&page_));
    ogg_stream_pagein(&stream_, &page_);
    int good = 0;
    while (good < kHeaders && next_packet() && vorbis_synthesis_headerin(&info_, &comment_, &packet_) == 0) {
      ++good;
    }
    return good;
  }

 private:
  bool page_is_vorbis() const {
    return page_.body_len >= static_cast<long>(kVorbis.size()) &&
           std::memcmp(page_.body, kVorbis.data(), kVorbis.size()) == 0;
  }

  bool next_page() {
    int found = 0;
    while ((found = ogg_sync_pageout(&sync_, &page_)) != 1) {
      if (found < 0) continue;  // bytes that are no page
      char* block = ogg_sync_buffer(&sync_, kBlockBytes);
      if (block == nullptr) throw std::bad_alloc();
      const std::size_t size = std::fread(block, 1, kBlockBytes, file_);
      if (size == 0) return false;
      ogg_sync_wrote(&sync_, static_cast<long>(size));
    }
    return true;
  }

  // False at the stream's end, where a page is missing and where one is not Ogg's version 0.
  bool next_packet() {
    int found = 0;
    while ((found = ogg_stream_packetout(&stream_, &packet_)) == 0) {
      if (ended_) return false;
      do {
        if (!next_page()) return false;
      } while (ogg_page_serialno(&page_) != stream_.serialno);
      ended_ = ogg_page_eos(&page_) != 0;
      if (ogg_stream_pagein(&stream_, &page_) != 0) return false;
    }
    return found == 1;
  }

  std::FILE* file_;
  bool ended_ = false;
  ogg_sync_state sync_{};
  ogg_stream_state stream_{};
  ogg_page page_{};
  ogg_packet packet_{};
  vorbis_info info_{};
  vorbis_comment comment_{};
};

template <std::size_t kSize>
std::array<char, kSize> read_at(std::FILE* file, long offset) {
  std::array<char, kSize> bytes{};
  if (std::fseek(file, offset, SEEK_SET) != 0 || std::fread(bytes.data(), 1, kSize, file) != kSize) return {};
  return bytes;
}

bool is(std::span<const char> bytes, std::string_view start) {
  return std::string_view(bytes.data(), bytes.size()).starts_with(start);
}

bool holds_vorbis(std::FILE* file) {
  std::rewind(file);
  std::size_t same = 0;
  for (int byte = 0; same < kVorbis.size() && (byte = std::getc(file)) != EOF;) {
    if (byte != kVorbis[same]) same = 0;
    if (byte == kVorbis[same]) ++same;
  }
  return same == kVorbis.size();
}

// libsndfile refuses Ogg behind an ID3 tag, but only when it has read the headers.
bool is_vorbis_behind_id3(std::FILE* file) {
  const auto tag = read_at<10>(file, 0);
  if (!is(tag, "ID3")) return false;
  long size = 0;
  for (std::size_t index = 6; index < tag.size(); ++index) size = size << 7 | (tag[index] & 0x7f);
  const auto next = read_at<4>(file, static_cast<long>(tag.size()) + size);
  // Where libsndfile goes on behind an empty tag, or behind two, is not told by their sizes alone.
  return is(next, "OggS") || ((size < 2 || is(next, "ID3")) && holds_vorbis(file));
}

std::string fault_of(std::FILE* file) {
  if (is_vorbis_behind_id3(file)) return "Ogg behind an ID3 tag";
  if (!is(read_at<4>(file, 0), "OggS")) return "";
  std::rewind(file);
  const int good = VorbisHeaders(file).count_good();
  if (good == kHeaders) return "";
  return fmt::format("Ogg Vorbis whose header {} of {} is damaged or missing", good + 1, kHeaders);
}

}  // namespace

std::string vorbis_fault(std::span<const std::byte> bytes) {
  // fmemopen wants a pointer to what could be written; "r" promises that nothing is.
  const File file(::fmemopen(const_cast<std::byte*>(bytes.data()), bytes.size(), "r"));
  if (!file) throw std::bad_alloc();
  return fault_of(file.get());
}

std::string vorbis_fault(const std::filesystem::path& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  return file ? fault_of(file.get()) : "";
}

}  // namespace glossa::audio
