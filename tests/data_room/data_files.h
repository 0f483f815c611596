// A folder with sounds and manifests for the tests of this room.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "audio/audio_writer.h"
#include "data/manifest_lines.h"

namespace glossa::testing {

class DataFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "glossa-data-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A tone; another pitch is another sound.
  static std::vector<float> tone(double hz, double seconds, float loudness = 0.5f, int rate = 16000) {
    std::vector<float> samples(static_cast<std::size_t>(seconds * rate));
    for (std::size_t index = 0; index < samples.size(); ++index) {
      samples[index] =
          loudness * static_cast<float>(std::sin(6.283185307 * hz * static_cast<double>(index) / rate));
    }
    return samples;
  }

  void write_wav(const std::string& name, const std::vector<float>& samples, int rate = 16000) const {
    const auto format = name.ends_with(".flac") ? audio::SoundFormat::kFlac : audio::SoundFormat::kWav;
    const auto bytes = audio::encode_audio(samples, rate, format);
    write(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  std::string read(const std::string& name) const {
    std::ostringstream bytes;
    bytes << std::ifstream(folder_ / name, std::ios::binary).rdbuf();
    return bytes.str();
  }

  data::ManifestText manifest(const std::string& name, const std::string& lines) const {
    write(name, lines);
    return data::read_manifest_text(folder_ / name);
  }

  // A line with a sound file of its own.
  std::string line(const std::string& audio, double seconds, const std::string& text,
                   const std::string& lang = "en-US") const {
    std::ostringstream out;
    out << R"({"audio_filepath": ")" << audio << R"(", "duration": )" << seconds << R"(, "text": ")" << text
        << R"(", "target_lang": ")" << lang << "\"}\n";
    return out.str();
  }

  std::filesystem::path folder_;
};

}  // namespace glossa::testing
