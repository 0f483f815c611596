// Numbered shards: names from patterns, numbers from names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glossa::data {

// The number of "<kind>..._<number>....<extension>" as NeMo reads it: the last "_<digits>" of the file name
// after `kind` ("manifest" or "audio"), else the last digits of the file name. None without digits.
std::optional<long> shard_id(std::string_view path, std::string_view kind);

}  // namespace glossa::data
