// Bytes as text in the alphabet of RFC 4648, section 4, with padding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glossa {

std::string to_base64(std::span<const std::byte> bytes);

// None when the text is not what to_base64() gives.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace glossa
