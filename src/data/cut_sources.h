// Where cuts come from: NeMo manifests, tarred shards, Lhotse Shar, and weighted mixtures of all of them
// (NeMo's input_cfg). Reads metadata only, never sound. Source of the formats: NeMo's Lhotse data loading
// (model spec of the manifests, _OP_..._CL_ ranges, shard ids) and Lhotse's shar writers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/cut.h"
#include "data/manifest.h"

namespace glossa::data {

// What a line says wrong is either an Error or reported here and passed over.
using BadLine = std::function<void(const std::string& message)>;

// Seconds. Cuts outside them are not drawn (SamplerOptions).
struct DurationLimits {
  double least = 0;
  double most = 1e9;

  bool hold(const Cut& cut) const {
    return cut.duration > 0 && cut.duration >= least && cut.duration <= most;
  }
};

struct SourceOptions {
  ManifestFields fields;
  DurationLimits limits;  // cuts outside count in no stream's weight; they are read all the same
  bool skip_missing_manifest_entries = false;
  bool needs_text = false;  // an entry without it, or with null, is a bad line; "" says that nothing is said
  BadLine on_bad_line;      // empty: the first bad line is Error kBadInput
};

// A JSON-lines manifest of sound files (type nemo). Relative paths count from the manifest's folder.
std::vector<Cut> read_nemo_cuts(const std::filesystem::path& manifest, const SourceOptions& options);

// Tarred shards (type nemo_tarred). Both patterns may contain _OP_a..b_CL_, {a..b}, (a..b), [a..b], <a..b> or
// {x,y}; the shard ids of both must be equal. A single manifest for all shards is grouped by shard_id.
// Entries "stem-subN.ext" share the member "stem.ext".
std::vector<Cut> read_tarred_cuts(const std::string& manifests, const std::string& tars,
                                  const SourceOptions& options);

// A Lhotse Shar folder: cuts.NNNNNN.jsonl.gz with recording.NNNNNN.tar (type lhotse_shar).
std::vector<Cut> read_shar_cuts(const std::filesystem::path& folder, const SourceOptions& options);

// The weight of a stream that is given none: every cut that is drawn is drawn as often as any other.
double weight_of(const std::vector<Cut>& cuts, const DurationLimits& limits);

// Expands _OP_0..3_CL_ and its relatives; a pattern without a range gives itself.
std::vector<std::string> expand_shards(const std::string& pattern);

// One stream of a mixture: cuts, drawn with probability proportional to `weight`.
struct WeightedCuts {
  std::string name;   // of the group or manifest, for reports
  double weight = 1;  // absolute, nested groups multiplied in; weights of a mixture need not sum to 1
  std::vector<Cut> cuts;
};

// An input_cfg: the text of a YAML list (or the list of a file when `yaml_or_path` names one). Items of types
// nemo, nemo_tarred, lhotse_shar, group, txt is refused. Tags are attached to every cut of an item (lang or
// target_lang, prompt_mode). Items of a level have weights all or none; without weights a stream counts by
// its weight_of(). Relative paths count from the folder of the file that names them, those in a list that
// stands in no file from `folder`, and so does `yaml_or_path`.
std::vector<WeightedCuts> read_input_cfg(const std::string& yaml_or_path, const std::filesystem::path& folder,
                                         const SourceOptions& options);

}  // namespace glossa::data
