// Sound with the restlessness of speech, for benchmarks without a recording.
#pragma once

#include <cstdint>
#include <vector>

namespace glossa::bench {

// Noise whose loudness follows syllables (about four a second) and phrases with pauses, over a wandering
// tilt and pitch. The same seed gives the same samples; mono, `sample_rate` Hz, within [-1, 1].
std::vector<float> synthetic_speech(double seconds, int sample_rate, std::uint32_t seed);

}  // namespace glossa::bench
