#include "data/audio_survey.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>

#include "audio/audio_file.h"
#include "audio/audio_info.h"
#include "base/fail.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

constexpr float kFullScale = 32766.0f / 32768.0f;
constexpr int kClippedRun = 3;  // samples: a single one at full scale is a peak, not clipping

struct Part {
  const ManifestEntry* entry = nullptr;
  SoundFacts* facts = nullptr;
};

struct File {
  const std::string* path = nullptr;
  FileFacts* facts = nullptr;
  std::vector<Part> parts;
};

double clipped_share(std::span<const float> samples) {
  std::size_t clipped = 0;
  std::size_t run = 0;
  const auto end_run = [&] {
    if (run >= kClippedRun) clipped += run;
    run = 0;
  };
  for (const float sample : samples) {
    if (std::abs(sample) >= kFullScale) {
      ++run;
    } else {
      end_run();
    }
  }
  end_run();
  return samples.empty() ? 0 : static_cast<double>(clipped) / static_cast<double>(samples.size());
}

void measure(std::span<const float> file, int rate, const Part& part) {
  const auto samples_of = [&](double seconds) {
    return static_cast<std::size_t>(std::clamp(seconds * rate + 0.5, 0.0, static_cast<double>(file.size())));
  };
  // Without offset a duration only describes the file, and 0 is to the end.
  const std::size_t begin = samples_of(part.entry->offset.value_or(0));
  std::span<const float> samples = file.subspan(begin);
  if (part.entry->offset && part.entry->duration.value_or(0) > 0) {
    samples = samples.first(std::min(samples.size(), samples_of(*part.entry->duration)));
  }
  SoundFacts& facts = *part.facts;
  facts.seconds = static_cast<double>(samples.size()) / rate;
  for (const float sample : samples) facts.peak = std::max(facts.peak, std::abs(sample));
  facts.clipped = clipped_share(samples);
  if (!samples.empty()) facts.hash = XXH3_64bits(samples.data(), samples.size_bytes());
}

void decode(const File& file) {
  try {
    const auto info = audio::read_audio_info(*file.path);
    const auto sound = audio::read_audio(*file.path, info ? info->sample_rate : audio::kUnknownRate);
    const int rate = sound.sample_rate;
    file.facts->sample_rate = sound.original_rate;
    file.facts->channels = sound.original_channels;
    file.facts->seconds = static_cast<double>(sound.samples.size()) / rate;
    for (const Part& part : file.parts) measure(sound.samples, rate, part);
  } catch (const Error& error) {
    file.facts->problem = error.what();
    if (file.facts->problem.starts_with(*file.path + ": ")) {
      file.facts->problem.erase(0, file.path->size() + 2);
    }
  }
}

}  // namespace

AudioSurvey::AudioSurvey(std::span<const ManifestText* const> manifests, const ThreadPool& pool,
                         const SurveyOptions& options) {
  std::map<std::string, File> by_path;
  sounds_.resize(manifests.size());
  for (std::size_t which = 0; which < manifests.size(); ++which) {
    const auto& lines = manifests[which]->lines;
    sounds_[which].resize(lines.size());
    for (std::size_t index = 0; index < lines.size(); ++index) {
      if (!lines[index].entry) continue;
      const ManifestEntry& entry = *lines[index].entry;
      const auto [found, added] = files_.try_emplace(entry.audio_filepath.string());
      SoundFacts& facts = sounds_[which][index];
      facts.file = &found->second;
      facts.offset = entry.offset.value_or(0);
      File& file = by_path[found->first];
      file.path = &found->first;
      file.facts = &found->second;
      file.parts.push_back({&entry, &facts});
    }
  }
  if (!options.look) return;
  std::vector<const File*> files;
  for (const auto& [path, file] : by_path) files.push_back(&file);

  std::mutex mutex;
  std::int64_t done = 0;
  double seconds = 0;
  const auto count = static_cast<std::int64_t>(files.size());
  pool.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const File& file = *files[static_cast<std::size_t>(index)];
      std::error_code error;
      file.facts->missing = !fs::exists(*file.path, error);
      if (!file.facts->missing && options.decode) decode(file);
      const std::scoped_lock lock(mutex);
      seconds += file.facts->seconds;
      if (options.progress) options.progress(++done, count, seconds);
    }
  });
}

}  // namespace glossa::data
