// Inflating gzip, with limits against archives made to exhaust the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glossa {

struct GzipLimits {
  std::uint64_t bytes = std::uint64_t{16} << 30;       // inflated size at most
  std::uint64_t free_bytes = std::uint64_t{64} << 20;  // up to here any ratio is accepted
  std::uint64_t ratio = 200;                           // inflated / compressed beyond that
};

bool is_gzip(std::span<const std::byte> bytes);

// All members of a gzip stream, joined. Error kBadInput, naming `source`, for damaged, truncated or oversized
// input.
std::vector<std::byte> gunzip(std::span<const std::byte> compressed, const std::string& source,
                              const GzipLimits& limits = {});

}  // namespace glossa
