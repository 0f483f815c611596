// A model that no file holds yet.
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

// The geometry of a NeMo model configuration, the tokenizer of a SentencePiece model, weights of 0, and the
// front end's constants as computed: what training from scratch begins with. Error kBadInput for files that
// cannot be used, and for a vocabulary of another size than the configuration's.
std::shared_ptr<const Checkpoint> blank_checkpoint(const std::filesystem::path& config_yaml,
                                                   const std::filesystem::path& tokenizer_model);

}  // namespace glossa::checkpoint
