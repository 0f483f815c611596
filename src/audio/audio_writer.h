// Mono PCM of 16 bits as the bytes of a sound file.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace glossa::audio {

enum class SoundFormat { kWav, kFlac };

// Samples are rounded to 16 bits and limited to [-1, 1). What was decoded from 16-bit mono comes back bit for
// bit. Error kInvalidArgument for a rate that the format cannot hold.
std::vector<std::byte> encode_audio(std::span<const float> samples, int sample_rate, SoundFormat format);

}  // namespace glossa::audio
