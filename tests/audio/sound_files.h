// Small sounds for the tests.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace glossa::testing {

// A sweep from 100 Hz to 3 kHz with a swelling loudness: nothing about it repeats, so a delay shows.
std::vector<float> sweep(int rate, double seconds);

// `format` is libsndfile's, e.g. SF_FORMAT_WAV | SF_FORMAT_PCM_16. Samples are interleaved.
void write_sound(const std::filesystem::path& path, std::span<const float> samples, int rate, int channels,
                 int format);

// 10 log10 of the power of `expected` over that of the difference, over the first min(size) samples.
double snr_db(std::span<const float> got, std::span<const float> expected);

}  // namespace glossa::testing
