// Small sounds and files for the tests of this folder.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace glossa::testing {

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A sweep from 100 Hz to 3 kHz with a swelling loudness: nothing about it repeats, so a delay shows.
std::vector<float> sweep(int rate, double seconds);

// `format` is libsndfile's, e.g. SF_FORMAT_WAV | SF_FORMAT_PCM_16. Samples are interleaved.
void write_sound(const std::filesystem::path& path, std::span<const float> samples, int rate, int channels,
                 int format);

std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);

// 10 log10 of the power of `expected` over that of the difference, over the first min(size) samples.
double snr_db(std::span<const float> got, std::span<const float> expected);

}  // namespace glossa::testing
