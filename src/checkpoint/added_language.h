// A checkpoint with one more language in its prompt table: all slots are inputs of the model, and those that
// no language has are there to be trained.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"

namespace glossa::checkpoint {

struct NewLanguage {
  std::string code;           // "cy-GB"; letters, digits and '-', not in the table yet
  std::optional<int> slot;    // none: the first that no language has
  std::string like = "auto";  // the language whose weights the slot begins with
};

// `base` with the new key in config() and config_yaml(), and with `like`'s column of prompt_kernel.0.weight
// copied to the slot's; everything else is base's own. Error kInvalidArgument for a code that is there, a
// slot that is taken or does not exist, an unknown `like`, a checkpoint without prompt or with weights in
// blocks.
std::shared_ptr<const Checkpoint> with_language(std::shared_ptr<const Checkpoint> base,
                                                const NewLanguage& language);

}  // namespace glossa::checkpoint
