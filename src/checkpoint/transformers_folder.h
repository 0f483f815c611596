// The files of a folder as transformers' save_pretrained() leaves it, in memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

struct TransformersFolder {
  std::string source;                        // path, for messages
  std::map<std::string, std::string> texts;  // by file name; a file that may be absent may be missing here
  std::span<const std::byte> weights;        // of model.safetensors
  std::shared_ptr<const MappedFile> mapped;  // what they point into; may be null

  std::string path_of(const std::string& file) const { return source + "/" + file; }
  // The text of a file that must be there: else Error kBadInput.
  const std::string& text(const std::string& file) const;
  const std::string* find(const std::string& file) const;  // or nullptr
};

// Messages call it `source`. Error kBadInput when it is no such folder, or weights are spread over several
// files.
TransformersFolder open_transformers_folder(const std::filesystem::path& path, const std::string& source);

std::shared_ptr<const Checkpoint> read_transformers_folder(TransformersFolder folder);

}  // namespace glossa::checkpoint
