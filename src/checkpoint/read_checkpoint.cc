#include <cstring>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_reader.h"
#include "checkpoint/nemo_reader.h"

namespace glossa::checkpoint {

std::shared_ptr<const Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                                  const std::string& source) {
  const auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = file->bytes();
  const bool gguf = bytes.size() >= kGgufMagic.size() &&
                    std::memcmp(bytes.data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
  const auto read = gguf ? read_gguf_bytes : read_nemo_bytes;
  return read(bytes, file, source.empty() ? path.string() : source);
}

}  // namespace glossa::checkpoint
