// MPEG audio (mp3 and its kin) and ADTS (aac) without a tag in front: what tells them from PCM.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace glossa::cli {

inline constexpr std::size_t kFrameHeaderBytes = 7;  // as many as mpeg_frame_bytes() looks at

// The length of the frame that begins with these bytes, by its header; none when it is no such header. A
// "free" bit rate, whose frames do not tell their length, counts as none.
std::optional<std::size_t> mpeg_frame_bytes(std::span<const std::byte> bytes);

}  // namespace glossa::cli
