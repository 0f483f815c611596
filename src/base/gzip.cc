#include "base/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace glossa {
namespace {

constexpr std::size_t kFirstBuffer = 1 << 20;

class Inflater {
 public:
  explicit Inflater(const std::string& source) : source_(source) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) fail_bad_input("{}: zlib cannot start", source);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Inflates one member from `input` into `output` from `used` on, growing it; both advance.
  void member(std::span<const std::byte>& input, std::vector<std::byte>& output, std::size_t& used,
              std::size_t total_input, const GzipLimits& limits) {
    inflateReset(&stream_);
    for (;;) {
      if (used == output.size()) grow(output, used, total_input - input.size(), limits);
      constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
      const auto in = static_cast<uInt>(std::min(input.size(), kMost));
      const auto out = static_cast<uInt>(std::min(output.size() - used, kMost));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
      stream_.avail_in = in;
      stream_.next_out = reinterpret_cast<Bytef*>(output.data() + used);
      stream_.avail_out = out;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      input = input.subspan(in - stream_.avail_in);
      used += out - stream_.avail_out;
      if (status == Z_STREAM_END) return;
      if (status != Z_OK && status != Z_BUF_ERROR) {
        fail_bad_input("{}: damaged gzip data near compressed byte {}: {}", source_,
                       total_input - input.size(), stream_.msg != nullptr ? stream_.msg : "unknown cause");
      }
      if (input.empty() && stream_.avail_out > 0) {
        fail_bad_input("{}: the gzip data is truncated after {} bytes", source_, total_input);
      }
    }
  }

 private:
  void grow(std::vector<std::byte>& output, std::size_t used, std::size_t consumed,
            const GzipLimits& limits) const {
    if (used >= limits.bytes) {
      fail_bad_input("{}: the gzip data inflates to more than {} bytes", source_, limits.bytes);
    }
    if (used >= limits.free_bytes && used / limits.ratio > consumed) {
      fail_bad_input("{}: the gzip data inflates to more than {} times its size", source_, limits.ratio);
    }
    output.resize(std::min<std::uint64_t>(limits.bytes,
                                          std::max<std::uint64_t>(kFirstBuffer, std::uint64_t{2} * used)));
  }

  const std::string& source_;
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip(std::span<const std::byte> compressed, const std::string& source,
                              const GzipLimits& limits) {
  Inflater inflater(source);
  std::vector<std::byte> output;
  std::size_t used = 0;
  std::span<const std::byte> rest = compressed;
  do {
    inflater.member(rest, output, used, compressed.size(), limits);
    // Some writers pad with zeros; anything else must be a further member.
    while (!rest.empty() && rest.front() == std::byte{0}) rest = rest.subspan(1);
  } while (!rest.empty());
  output.resize(used);
  return output;
}

}  // namespace glossa
