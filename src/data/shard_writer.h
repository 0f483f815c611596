// Tarred shards in NeMo's layout:
//
//   audio_<i>.tar                          sound files, names as in the manifest
//   sharded_manifests/manifest_<i>.json    lines of shard i
//   tarred_audio_manifest.json             all of them
//   metadata.yaml                          how they were made
//
// Every line keeps its keys; audio_filepath becomes the member's name and shard_id is added. A line with an
// offset is cut out and encoded anew; its offset becomes source_audio_offset. Source of the layout: NeMo's
// convert_to_tarred_audio_dataset.py. Otherwise than there no line is left over: the first shards hold one
// more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/manifest_lines.h"

namespace glossa::data {

enum class ShardCodec { kKeep, kFlac };

struct ShardOptions {
  std::filesystem::path folder;  // made when it is missing
  int shards = 1;
  std::optional<std::uint64_t> shuffle_seed;  // none: the manifests' order
  double min_duration = 0;                    // seconds: durations in [min, max) are kept, as in NeMo
  double max_duration = std::numeric_limits<double>::infinity();
  ShardCodec codec = ShardCodec::kKeep;  // of whole files; what is cut is wav when it was, else flac
  bool overwrite = false;                // of shards that are already in the folder
  // Called after each line from one thread at a time. May throw to end the work.
  std::function<void(std::int64_t done, std::int64_t lines)> progress;
};

struct ShardReport {
  std::int64_t lines = 0;
  double hours = 0;
  std::int64_t left_out = 0;  // by duration
  double hours_left_out = 0;
  std::uint64_t bytes = 0;  // of all tars
  std::vector<std::int64_t> lines_per_shard;
};

// The files get their names only when all are complete; nothing is left behind after an error. Error
// kBadInput names the line whose sound cannot be read; kInvalidArgument for more shards than lines, or a
// folder that already has shards.
ShardReport write_shards(std::span<const ManifestText> manifests, const ShardOptions& options,
                         const ThreadPool& pool);

// "/data/a.b/c.wav" -> "_data_a_b_c.wav"; with a part of it, "_data_a_b_c_1_5_2_0.wav".
std::string member_name(const std::filesystem::path& audio, std::optional<double> offset, double duration,
                        const std::string& extension);

}  // namespace glossa::data
