// Decodes every sound of some manifests once and keeps what can be said about it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/manifest_lines.h"

namespace glossa::data {

struct FileFacts {
  bool missing = false;
  std::string problem;  // why it cannot be decoded; empty: it can
  int sample_rate = 0;  // Hz; 0: not known
  int channels = 0;
  double seconds = 0;  // decoded
};

// What one line of a manifest names: the file, or a part of it.
struct SoundFacts {
  const FileFacts* file = nullptr;  // nullptr: the line names none
  double offset = 0;                // seconds
  double seconds = 0;               // that are there, of the part asked for
  float peak = 0;                   // largest absolute sample; full scale is 1
  double clipped = 0;               // share of samples in runs of 3 or more at full scale
  std::uint64_t hash = 0;           // of the decoded samples at the file's own rate; 0: no samples
};

struct SurveyOptions {
  bool look = true;    // false: at no file; all are taken to be there
  bool decode = true;  // false: only whether the files are there
  // Called after each file, from one thread at a time. May throw to end the work.
  std::function<void(std::int64_t files_done, std::int64_t files, double seconds_decoded)> progress;
};

class AudioSurvey {
 public:
  AudioSurvey(std::span<const ManifestText* const> manifests, const ThreadPool& pool,
              const SurveyOptions& options);

  // Of manifest `manifest` of the constructor's list, line `index` of its lines.
  const SoundFacts& facts(std::size_t manifest, std::size_t index) const { return sounds_[manifest][index]; }
  const std::map<std::string, FileFacts>& files() const { return files_; }  // by path

 private:
  std::map<std::string, FileFacts> files_;
  std::vector<std::vector<SoundFacts>> sounds_;
};

}  // namespace glossa::data
