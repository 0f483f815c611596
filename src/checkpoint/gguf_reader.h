// A GGUF file in memory. read_gguf() of checkpoint.h maps a file and calls this.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// `file`, when given, is what `bytes` belong to; the checkpoint shares it. Without it the caller keeps them
// alive.
std::shared_ptr<const Checkpoint> read_gguf_bytes(std::span<const std::byte> bytes,
                                                  std::shared_ptr<const MappedFile> file,
                                                  const std::string& source);

}  // namespace glossa::checkpoint
