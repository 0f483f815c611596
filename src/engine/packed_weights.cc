#include "engine/packed_weights.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/number_formats.h"
#include "base/printable.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint_name.h"
#include "glossa/error.hpp"

namespace glossa::engine {
namespace {

namespace fs = std::filesystem;

// Which matrix takes which format, and what rounding minds. Changes with them, so that older files are
// replaced.
constexpr int kPackingPolicy = 2;  // 1: of records whose checksum had not been compared

constexpr std::string_view kMagic = "glossa packed weights 1\n";
constexpr std::uint64_t kAlignment = 64;

// Ends the file.
struct Footer {
  char key[32];
  std::uint64_t index_offset;
  std::uint64_t index_size;
  std::uint64_t index_checksum;
  std::uint64_t file_size;
};

std::uint64_t checksum_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

// 32 hexadecimal digits.
std::string hash_of(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

template <class T>
void append_bytes(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Reads the index front to back; anything after the first failure fails, too.
class IndexReader {
 public:
  explicit IndexReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  bool read(T& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
    return true;
  }
  bool read(std::string& text, std::size_t size) {
    if (rest_.size() < size) return false;
    text.assign(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

// Where the file may be, the best place first.
std::vector<fs::path> candidates(const fs::path& path, WeightFormat format, const fs::path& folder) {
  const fs::path model = checkpoint::plain_path(path);
  const std::string suffix = fmt::format(".{}.packed", name_of(format));
  const std::string name = model.filename().string();
  // Models of the same name from several folders meet in a common one.
  std::error_code error;
  const fs::path whole = fs::absolute(model, error);
  constexpr std::size_t kLongest = 200;  // a file name may have 255 bytes
  const std::string distinct = fmt::format("{}-{}{}", shortened(name, kLongest),
                                           hash_of(error ? name : whole.string()).substr(0, 12), suffix);
  if (!folder.empty()) return {folder / distinct};
  std::vector<fs::path> paths = {fs::path(model) += suffix};
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path user;
  if (cache != nullptr && *cache == '/') {
    user = cache;
  } else if (home != nullptr && *home == '/') {
    user = fs::path(home) / ".cache";
  }
  if (!user.empty()) paths.push_back(user / "glossa" / distinct);
  return paths;
}

}  // namespace

PackedWeights::PackedWeights(const checkpoint::Checkpoint& checkpoint, const backend::Backend& backend,
                             WeightFormat format, const fs::path& folder)
    : backend_(backend),
      key_(hash_of(fmt::format("{}|{}|{}|{}", checkpoint.fingerprint(), backend.packed_layout(),
                               kPackingPolicy, name_of(format)))) {
  places_ = candidates(checkpoint.source(), format, folder);
  for (const fs::path& path : places_) {
    if (open(path)) return;
  }
  const fs::path best = places_.front();
  std::reverse(places_.begin(), places_.end());
  begin();
  if (writer_ == nullptr) {
    log::warning(fmt::format("{}: cannot be written: the weights will be packed again at the next start",
                             best.string()));
  }
}

PackedWeights::~PackedWeights() = default;

bool PackedWeights::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  try {
    file_ = std::make_unique<const MappedFile>(path);
  } catch (const Error&) {
    return false;
  }
  const std::span<const std::byte> bytes = file_->bytes();
  const auto usable = [&] {
    Footer footer{};
    if (bytes.size() < kMagic.size() + sizeof footer) return false;
    std::memcpy(&footer, bytes.data() + bytes.size() - sizeof footer, sizeof footer);
    const std::uint64_t index_end = bytes.size() - sizeof footer;
    if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0 || footer.file_size != bytes.size() ||
        std::string_view(footer.key, sizeof footer.key) != key_ || footer.index_offset > index_end ||
        footer.index_size != index_end - footer.index_offset) {
      return false;
    }
    const auto index = bytes.subspan(footer.index_offset, footer.index_size);
    if (checksum_of(index) != footer.index_checksum) return false;
    IndexReader reader(index);
    while (!reader.at_end()) {
      std::uint32_t name_size = 0;
      std::string name;
      Entry entry;
      std::uint64_t format_number = 0;
      if (!reader.read(name_size) || !reader.read(name, name_size) || !reader.read(format_number) ||
          !reader.read(entry.rows) || !reader.read(entry.cols) || !reader.read(entry.offset) ||
          !reader.read(entry.size) || !reader.read(entry.checksum)) {
        return false;
      }
      entry.format = static_cast<WeightFormat>(format_number);
      if (entry.offset % kAlignment != 0 || entry.offset > footer.index_offset ||
          entry.size > footer.index_offset - entry.offset) {
        return false;
      }
      entries_.emplace(std::move(name), entry);
    }
    return true;
  };
  const auto undamaged = [&] {
    std::vector<const Entry*> entries;
    for (const auto& [name, entry] : entries_) entries.push_back(&entry);
    std::atomic<bool> damaged{false};
    ThreadPool pool(backend_.threads());
    pool.parallel_for(static_cast<std::int64_t>(entries.size()), 1,
                      [&](std::int64_t begin, std::int64_t end) {
                        for (std::int64_t index = begin; index < end; ++index) {
                          const Entry& entry = *entries[static_cast<std::size_t>(index)];
                          if (checksum_of(bytes.subspan(entry.offset, entry.size)) != entry.checksum)
                            damaged = true;
                        }
                      });
    return !damaged;
  };
  if (usable() && undamaged()) return true;
  entries_.clear();
  file_.reset();
  return false;
}

// At the best place that is left; none: writer_ is null.
void PackedWeights::begin() {
  const auto before = std::exchange(writer_, nullptr);
  while (writer_ == nullptr && !places_.empty()) {
    const fs::path path = std::move(places_.back());
    places_.pop_back();
    try {
      std::error_code error;
      fs::create_directories(path.parent_path(),
                             error);  // what cannot be created cannot be written to either
      auto writer = std::make_unique<checkpoint::AtomicFile>(path);
      if (before != nullptr) {
        before->copy_to(*writer, end_);
      } else {
        writer->write(kMagic);
        end_ = writer->written();
      }
      writer_ = std::move(writer);
    } catch (const Error&) {  // the next one
    }
  }
}

std::unique_ptr<const backend::PackedWeight> PackedWeights::find(const std::string& name, std::int64_t rows,
                                                                 std::int64_t cols,
                                                                 WeightFormat format) const {
  if (file_ == nullptr) return nullptr;
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;
  if (entry.rows != rows || entry.cols != cols || entry.format != format) return nullptr;
  return backend_.adopt(file_->bytes().subspan(entry.offset, entry.size), rows, cols, format);
}

void PackedWeights::add(const std::string& name, const backend::PackedWeight& weight) {
  while (writer_ != nullptr) {
    try {
      return append(name, weight);
    } catch (const Error& error) {
      move_on(error.what());
    }
  }
}

void PackedWeights::append(const std::string& name, const backend::PackedWeight& weight) {
  const std::string padding((kAlignment - writer_->written() % kAlignment) % kAlignment, '\0');
  writer_->write(padding);
  Entry entry;
  entry.format = weight.format();
  entry.rows = weight.rows();
  entry.cols = weight.cols();
  entry.offset = writer_->written();
  entry.size = weight.bytes().size();
  entry.checksum = checksum_of(weight.bytes());
  writer_->write(weight.bytes());
  entries_.emplace(name, entry);
  end_ = writer_->written();
}

void PackedWeights::release(std::span<const std::byte> bytes) const {
  if (file_ != nullptr) file_->release_pages(bytes);
}

void PackedWeights::finish() {
  while (writer_ != nullptr) {
    try {
      write_index();
      writer_->commit();
      writer_.reset();
    } catch (const Error& error) {
      move_on(error.what());
    }
  }
}

void PackedWeights::write_index() {
  std::string index;
  for (const auto& [name, entry] : entries_) {
    append_bytes(index, static_cast<std::uint32_t>(name.size()));
    index += name;
    append_bytes(index, static_cast<std::uint64_t>(entry.format));
    append_bytes(index, entry.rows);
    append_bytes(index, entry.cols);
    append_bytes(index, entry.offset);
    append_bytes(index, entry.size);
    append_bytes(index, entry.checksum);
  }
  Footer footer{};
  std::memcpy(footer.key, key_.data(), sizeof footer.key);
  footer.index_offset = writer_->written();
  footer.index_size = index.size();
  footer.index_checksum = checksum_of(std::as_bytes(std::span(index)));
  footer.file_size = footer.index_offset + index.size() + sizeof footer;
  writer_->write(index);
  writer_->write(std::as_bytes(std::span(&footer, 1)));
}

// What is written so far goes where it can be written. A full disk must not keep a model from running.
void PackedWeights::move_on(const std::string& reason) {
  begin();
  if (writer_ == nullptr)
    log::warning(fmt::format("{}: the weights will be packed again at the next start", reason));
}

}  // namespace glossa::engine
