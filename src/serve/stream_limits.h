// What raw sound may be that a client streams, in every protocol, and how much of it may wait. (Riva's calls
// have a limit of their own for that, with their chunks.)
#pragma once

#include <chrono>

namespace glossa::serve {

inline constexpr int kLeastRate = 8000;  // Hz
inline constexpr int kMostRate = 48000;  // Hz
inline constexpr int kMostChannels = 8;

// Seconds of sound not yet recognised: until it is less, nothing is read.
inline constexpr double kMostBacklog = 30;
// Between looks at a stream that something is waited for.
inline constexpr std::chrono::milliseconds kBacklogPause{50};

}  // namespace glossa::serve
