// The file in which packed weights wait for the next start, mapped and used where they lie.
//
//   magic, entries each aligned to 64 bytes, index, footer. The footer holds the key (what was packed, how,
//   for which layout), where the index is and its checksum; the index has a checksum per entry.
//
// A file appears whole under its name or not at all, so several processes may pack at once: the last one's
// file stays, and mappings of the others live on. A file whose key, size or any checksum is not as expected
// is packed again and replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "base/mapped_file.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "glossa/types.hpp"

namespace glossa::engine {

// Not thread-safe.
class PackedWeights {
 public:
  // Opens the file of this checkpoint, format and backend, or begins to write it; when it can be neither read
  // nor written, find() finds nothing and add() does nothing, and a warning is logged. `folder` empty: beside
  // the model, or where that cannot be written to, be it at the last byte, $XDG_CACHE_HOME/glossa
  // (~/.cache/glossa).
  PackedWeights(const checkpoint::Checkpoint& checkpoint, const backend::Backend& backend,
                WeightFormat format, const std::filesystem::path& folder);
  ~PackedWeights();

  // The weight of that name over the mapped file, which must stay; null when the file does not have it.
  std::unique_ptr<const backend::PackedWeight> find(const std::string& name, std::int64_t rows,
                                                    std::int64_t cols, WeightFormat format) const;
  void add(const std::string& name, const backend::PackedWeight& weight);
  // Gives the pages back that lie wholly within `bytes` of the mapped file; they come again when they are
  // read.
  void release(std::span<const std::byte> bytes) const;
  // After the last add(): gives the file its name.
  void finish();

 private:
  struct Entry {
    WeightFormat format = WeightFormat::kF32;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t checksum = 0;
  };

  bool open(const std::filesystem::path& path);
  void begin();
  void append(const std::string& name, const backend::PackedWeight& weight);
  void write_index();
  void move_on(const std::string& reason);

  const backend::Backend& backend_;
  std::string key_;
  std::unique_ptr<const MappedFile> file_;
  std::vector<std::filesystem::path> places_;  // where to write, the best one last
  std::unique_ptr<checkpoint::AtomicFile> writer_;
  std::uint64_t end_ = 0;  // of the last entry that was written
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace glossa::engine
