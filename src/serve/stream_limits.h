// What raw sound may be that a client streams, in every protocol, and how much of it may wait.
#pragma once

#include <chrono>

namespace glossa::serve {

inline constexpr int kLeastRate = 8000;  // Hz
inline constexpr int kMostRate = 48000;  // Hz
inline constexpr int kMostChannels = 8;

inline constexpr double kMostBacklog =
    30;  // seconds of sound not yet recognised: until it is less, nothing is read
inline constexpr std::chrono::milliseconds kBacklogPause{50};  // between looks at it

}  // namespace glossa::serve
