// Latency settings by name, as clients of every protocol write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "glossa/types.hpp"

namespace glossa::serve {

// "320ms": the length of a chunk.
std::string latency_name(AttContext context, const ModelInfo& model);

// Those of the checkpoint: "80ms, 160ms".
std::string latency_names(const ModelInfo& model);

// "56,3" of the checkpoint, or "320ms" or "320": the checkpoint's setting of that length, else one with the
// left side of its default where that fits. Spaces do not count. None when there is none.
std::optional<AttContext> find_latency(std::string_view given, const ModelInfo& model);

// The same, but Error kInvalidArgument lists what there is.
AttContext parse_latency(std::string_view text, const ModelInfo& model);

// The setting with the longest chunk: for whole files, where nobody waits.
AttContext most_accurate(const ModelInfo& model);

}  // namespace glossa::serve
