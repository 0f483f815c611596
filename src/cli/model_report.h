// What `info` and `languages` say about a checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "glossa/types.hpp"

namespace glossa::cli {

struct LanguageReport {
  Language language;
  std::string tier;  // of the released checkpoint; empty when it has none
  int tag_id = -1;   // of the tag that the vocabulary has for it; -1: none
};

std::vector<LanguageReport> report_languages(const checkpoint::Checkpoint& checkpoint);

// Prompt slots that no language uses, ascending.
std::vector<int> free_prompt_slots(const checkpoint::Checkpoint& checkpoint);

// "63, 72-79".
std::string ranges(const std::vector<int>& ascending);

// Trainable numbers by part: "encoder", "prompt_kernel", "decoder", "joint", in file order.
std::vector<std::pair<std::string, std::int64_t>> count_parameters(const checkpoint::Checkpoint& checkpoint);

// "bf16", or "bf16, f32" when parts differ. The front end's constants (preprocessor.*) do not count.
std::string weight_types(const checkpoint::Checkpoint& checkpoint);

// Latency of a context in milliseconds: the length of its chunk.
double latency_ms(const model::ModelConfig& config, AttContext context);

// {operation, instruction set} of every CPU kernel, as this machine would choose them.
std::vector<std::pair<std::string, std::string>> chosen_kernels();

}  // namespace glossa::cli
