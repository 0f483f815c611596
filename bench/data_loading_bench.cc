// How many seconds of sound the trainer's loader gives per second: FLAC in tars, bucketed batches, as in a
// training run. Writes ten minutes of speech-like noise into a temporary folder. Usage: data_loading_bench
// [threads]
#include <fmt/format.h>
#include <sndfile.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/tar_builder.h"
#include "data/batch_loader.h"

namespace {

namespace fs = std::filesystem;
using namespace glossa;

constexpr int kRate = 16000;
constexpr int kShards = 4;
constexpr int kCuts = 75;  // of 2 to 14 s: ten minutes

// Noise with a low-pass spectrum and syllables of 250 ms: FLAC compresses it about as it does speech.
std::vector<short> speech_like(double seconds, std::uint64_t& state) {
  std::vector<short> samples(static_cast<std::size_t>(seconds * kRate));
  double low = 0;
  for (std::size_t at = 0; at < samples.size(); ++at) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    low = 0.9 * low + 0.1 * (static_cast<double>(state >> 40) / (1 << 23) - 1);
    const double loudness = std::abs(std::sin(static_cast<double>(at) * 3.14159265 / 4000));
    samples[at] = static_cast<short>(20000 * low * loudness);
  }
  return samples;
}

std::string flac(const std::vector<short>& samples, const fs::path& scratch) {
  SF_INFO info{};
  info.samplerate = kRate;
  info.channels = 1;
  info.format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
  SNDFILE* file = sf_open(scratch.c_str(), SFM_WRITE, &info);
  if (file == nullptr) return "";
  sf_write_short(file, samples.data(), static_cast<sf_count_t>(samples.size()));
  sf_close(file);
  std::ifstream stream(scratch, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_shards(const fs::path& folder) {
  std::uint64_t state = 1;
  for (int shard = 0; shard < kShards; ++shard) {
    testing::TarBuilder tar;
    std::ofstream manifest(folder / fmt::format("manifest_{}.json", shard));
    for (int cut = shard; cut < kCuts; cut += kShards) {
      const double seconds = 2 + (cut * 37 % 121) / 10.0;
      const std::string name = fmt::format("cut_{}.flac", cut);
      tar.member(name, flac(speech_like(seconds, state), folder / "scratch.flac"));
      manifest << fmt::format(R"({{"audio_filepath": "{}", "duration": {}, "text": "words"}})", name, seconds)
               << '\n';
    }
    std::ofstream(folder / fmt::format("audio_{}.tar", shard), std::ios::binary) << tar.finish();
  }
}

void measure(const fs::path& folder, int threads) {
  auto cuts =
      data::read_tarred_cuts(folder / "manifest__OP_0..3_CL_.json", folder / "audio__OP_0..3_CL_.tar", {});
  data::BatchSampler sampler({{"noise", 1, std::move(cuts)}},
                             {.batch_duration = 120.0, .buckets = 8, .buffer_size = 500});
  const data::AudioReader reader(kRate);
  data::BatchLoader loader(std::move(sampler), reader, {.threads = threads});
  double sound = 0;
  const auto start = std::chrono::steady_clock::now();
  while (sound < 3600) sound += loader.next().seconds;
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} threads: {:.0f} s of sound in {:.2f} s: {:.0f} x real time\n", threads, sound, wall,
             sound / wall);
}

}  // namespace

int main(int count, char** arguments) {
  std::string name = (fs::temp_directory_path() / "glossa-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  write_shards(name);
  measure(name, count > 1 ? std::atoi(arguments[1]) : 2);
  fs::remove_all(name);
}
