// What raw sound may be that a client streams, in every protocol.
#pragma once

namespace glossa::serve {

inline constexpr int kLeastRate = 8000;  // Hz
inline constexpr int kMostRate = 48000;  // Hz
inline constexpr int kMostChannels = 8;

}  // namespace glossa::serve
