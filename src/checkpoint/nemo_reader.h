// A .nemo in memory. read_nemo() of checkpoint.h maps a file and calls this.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// `owner` keeps `bytes` alive; the checkpoint shares it.
std::shared_ptr<const Checkpoint> read_nemo_bytes(std::span<const std::byte> bytes,
                                                  std::shared_ptr<const void> owner,
                                                  const std::string& source);

}  // namespace glossa::checkpoint
