// Configuration keys that NeMo knows and glossa has no use for, and the nearest key to a misspelt one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::train {

// Why glossa passes over a key of NeMo's; empty when nothing is lost by it. None for keys that NeMo does not
// know. A section of which every key is unused counts as a key.
std::optional<std::string_view> reason_unused(std::string_view key);

// The known key (of `used` and of NeMo's) with the smallest edit distance.
std::string nearest_key(std::string_view key, const std::vector<std::string>& used);

}  // namespace glossa::train
