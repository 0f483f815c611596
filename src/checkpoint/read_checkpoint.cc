#include <cstring>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_reader.h"
#include "checkpoint/nemo_reader.h"
#include "checkpoint/transformers_folder.h"
#include "checkpoint/transformers_layout.h"

namespace glossa::checkpoint {

std::shared_ptr<const Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                                  const std::string& source) {
  const std::string name = source.empty() ? path.string() : source;
  if (std::filesystem::is_directory(path))
    return read_transformers_folder(open_transformers_folder(path, name));
  if (path.extension() == ".safetensors")
    fail_bad_input("{}: weights alone (expected the folder that holds them and {})", name, kConfigFile);
  const auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  const bool gguf = bytes.size() >= kGgufMagic.size() &&
                    std::memcmp(bytes.data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
  const auto read = gguf ? read_gguf_bytes : read_nemo_bytes;
  return read(bytes, file, name);
}

}  // namespace glossa::checkpoint
