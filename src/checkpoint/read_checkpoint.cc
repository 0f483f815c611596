#include <cstring>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_reader.h"
#include "checkpoint/nemo_reader.h"
#include "checkpoint/transformers_folder.h"

namespace glossa::checkpoint {

std::shared_ptr<const Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                                  const std::string& source) {
  const std::string name = source.empty() ? path.string() : source;
  std::error_code error;  // then whoever opens the file says why
  if (std::filesystem::is_directory(path, error))
    return read_transformers_folder(open_transformers_folder(path, name));
  if (path.extension() == ".safetensors" || path.extension() == ".json")
    fail_bad_input("{}: a file of a checkpoint (expected the folder that holds it)", name);
  const auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  const bool gguf = bytes.size() >= kGgufMagic.size() &&
                    std::memcmp(bytes.data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
  const auto read = gguf ? read_gguf_bytes : read_nemo_bytes;
  return read(bytes, file, name);
}

}  // namespace glossa::checkpoint
