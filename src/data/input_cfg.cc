#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/fail.h"
#include "base/log.h"
#include "base/printable.h"
#include "data/cut_sources.h"
#include "data/json_lines.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestYaml = std::size_t{16} << 20;
constexpr int kDeepest = 16;  // groups within groups

// mapping[key] of yaml-cpp throws for odd keys; this looks at plain scalars only.
YAML::Node lookup(const YAML::Node& mapping, std::string_view key) {
  for (const auto& entry : mapping) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key && !entry.second.IsNull()) return entry.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

// Keys that say something to NeMo or to a reader and nothing here.
constexpr std::array<std::string_view, 22> kKnownKeys = {"type",
                                                         "weight",
                                                         "tags",
                                                         "input_cfg",
                                                         "manifest_filepath",
                                                         "tarred_audio_filepaths",
                                                         "shar_path",
                                                         "text_field",
                                                         "lang_field",
                                                         "skip_missing_manifest_entries",
                                                         "name",
                                                         "corpus",
                                                         "language",
                                                         "comment",
                                                         "is_tarred",
                                                         "metadata_only",
                                                         "force_finite",
                                                         "shuffle",
                                                         "shard_seed",
                                                         "max_open_streams",
                                                         "num_shards",
                                                         "slice_length"};

// One mapping of the list, with where it stands.
class Item {
 public:
  Item(YAML::Node node, std::string where) : node_(std::move(node)), where_(std::move(where)) {
    if (!node_.IsMap()) fail_bad_input("{}: expected a mapping with a type", where_);
    for (const auto& entry : node_) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      if (std::find(kKnownKeys.begin(), kKnownKeys.end(), key) == kKnownKeys.end()) {
        log::warning(fmt::format("{}: the key '{}' is not used", where_, printable(key)));
      }
    }
  }

  const std::string& where() const { return where_; }
  YAML::Node value(std::string_view key) const { return lookup(node_, key); }

  std::optional<std::string> text(std::string_view key) const {
    const YAML::Node node = lookup(node_, key);
    if (!node.IsDefined()) return std::nullopt;
    if (!node.IsScalar()) fail_bad_input("{}: {} must be text", where_, key);
    return node.Scalar();
  }

  std::optional<double> weight() const {
    const YAML::Node node = lookup(node_, "weight");
    if (!node.IsDefined()) return std::nullopt;
    double weight = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, weight) || !std::isfinite(weight) ||
        weight < 0) {
      fail_bad_input("{}: weight must be a number, 0 or more (got {})", where_,
                     node.IsScalar() ? printable(node.Scalar()) : "something else");
    }
    return weight;
  }

  // A path, or a list of them.
  std::vector<std::string> paths(std::string_view key) const {
    const YAML::Node node = lookup(node_, key);
    std::vector<std::string> result;
    if (node.IsDefined() && node.IsScalar()) result.push_back(node.Scalar());
    if (node.IsDefined() && node.IsSequence()) {
      for (const YAML::Node& path : node) {
        // NeMo's [[path], [path]]
        const YAML::Node inner = path.IsSequence() && path.size() == 1 ? path[0] : path;
        if (!inner.IsScalar()) {
          fail_bad_input("{}: {} must be a path or a list of paths (give weights to items instead)", where_,
                         key);
        }
        result.push_back(inner.Scalar());
      }
    }
    if (result.empty()) fail_bad_input("{}: no {} (expected a path or a list of paths)", where_, key);
    return result;
  }

 private:
  YAML::Node node_;
  std::string where_;
};

void attach_tags(const YAML::Node& tags, const std::string& where, std::vector<Cut>& cuts) {
  if (!tags.IsDefined()) return;
  if (!tags.IsMap()) fail_bad_input("{}: tags must be a mapping", where);
  const auto tag = [&](std::string_view key) -> std::optional<std::string> {
    const YAML::Node value = lookup(tags, key);
    if (!value.IsDefined()) return std::nullopt;
    if (!value.IsScalar()) fail_bad_input("{}: tags.{} must be text", where, key);
    return value.Scalar();
  };
  auto lang = tag("target_lang");
  if (!lang) lang = tag("lang");
  const auto mode = tag("prompt_mode");
  for (Cut& cut : cuts) {
    if (lang) cut.target_lang = *lang;
    if (mode) cut.prompt_mode = *mode;
  }
}

// A list and where it stands, for messages and for what relative paths count from.
struct Level {
  YAML::Node list;
  std::string where;
  fs::path folder;
};

class Reader {
 public:
  explicit Reader(const SourceOptions& options) : options_(options) {}

  // The streams of one level. Their weights are the items' own, or numbers of cuts.
  std::vector<WeightedCuts> read(const Level& level, int depth) const {
    const auto& [list, where, folder] = level;
    if (depth > kDeepest)
      fail_bad_input("{}: groups are nested too deeply (expected at most {})", where, kDeepest);
    if (!list.IsSequence() || list.size() == 0) {
      fail_bad_input("{}: expected a list of items like {{type: nemo, manifest_filepath: train.json}}",
                     where);
    }
    std::vector<Item> items;
    std::size_t weighted = 0;
    for (const YAML::Node& node : list) {
      items.emplace_back(node, fmt::format("{}[{}]", where, items.size()));
      weighted += items.back().weight() ? 1 : 0;
    }
    if (weighted != 0 && weighted != items.size()) {
      fail_bad_input("{}: weights must be given to all items or to none (got {} of {})", where, weighted,
                     items.size());
    }
    std::vector<WeightedCuts> streams;
    for (const Item& item : items) {
      for (WeightedCuts& stream : weighed(streams_of(item, folder, depth), item.weight())) {
        streams.push_back(std::move(stream));
      }
    }
    return streams;
  }

  // Of the text of a list, or of a file of it, from whose folder its own paths count then.
  Level load(const std::string& yaml_or_path, const std::string& where, const fs::path& folder) const {
    Level level{{}, where, folder};
    std::string yaml = yaml_or_path;
    if (yaml.find_first_of("\n[{") == std::string::npos) {
      const fs::path path = folder / yaml;
      std::ifstream file(path, std::ios::binary);
      if (!is_file(path) || !file) {
        fail_bad_input("{}: no such file (expected an input_cfg)", path.string());
      }
      level.where = path.string();
      level.folder = path.parent_path();
      std::error_code ignored;
      if (fs::file_size(path, ignored) > kLargestYaml) {
        fail_bad_input("{}: too large (expected at most {} bytes)", level.where, kLargestYaml);
      }
      yaml.assign(std::istreambuf_iterator<char>(file), {});
    }
    if (yaml.size() > kLargestYaml)
      fail_bad_input("{}: too large (expected at most {} bytes)", level.where, kLargestYaml);
    try {
      level.list = YAML::Load(yaml);
    } catch (const YAML::Exception& error) {
      fail_bad_input("{}: not valid YAML: line {}: {}", level.where, error.mark.line + 1, error.msg);
    }
    return level;
  }

 private:
  // Gives the item's share to its streams: an own weight is split by theirs, as NeMo draws twice. Without one
  // the item counts by its cuts.
  std::vector<WeightedCuts> weighed(std::vector<WeightedCuts> streams, std::optional<double> weight) const {
    double sum = 0;
    double cuts = 0;
    for (const WeightedCuts& stream : streams) {
      sum += stream.weight;
      cuts += weight_of(stream.cuts, options_.limits);
    }
    const double share = weight.value_or(cuts);
    for (WeightedCuts& stream : streams) stream.weight = sum > 0 ? share * stream.weight / sum : 0;
    return streams;
  }

  std::vector<WeightedCuts> streams_of(const Item& item, const fs::path& folder, int depth) const {
    const auto type = item.text("type");
    if (!type) fail_bad_input("{}: no type (expected nemo, nemo_tarred, lhotse_shar or group)", item.where());
    std::vector<WeightedCuts> streams;
    if (*type == "group") {
      streams = group(item, folder, depth);
    } else {
      streams.push_back(leaf(item, folder, *type));
    }
    for (WeightedCuts& stream : streams) attach_tags(item.value("tags"), item.where(), stream.cuts);
    return streams;
  }

  std::vector<WeightedCuts> group(const Item& item, const fs::path& folder, int depth) const {
    const YAML::Node list = item.value("input_cfg");
    const std::string where = item.where() + ".input_cfg";
    const bool is_text = list.IsDefined() && list.IsScalar();
    std::vector<WeightedCuts> streams =
        read(is_text ? load(list.Scalar(), where, folder) : Level{list, where, folder}, depth + 1);
    if (const auto name = item.text("name")) {
      for (WeightedCuts& stream : streams) stream.name = *name + "/" + stream.name;
    }
    return streams;
  }

  WeightedCuts leaf(const Item& item, const fs::path& folder, const std::string& type) const {
    SourceOptions options = options_;
    if (const auto field = item.text("text_field")) options.fields.text = *field;
    if (const auto field = item.text("lang_field")) options.fields.lang = *field;
    if (const auto skip = item.text("skip_missing_manifest_entries")) {
      options.skip_missing_manifest_entries = *skip == "true" || *skip == "True";
    }
    WeightedCuts stream;
    const auto add = [&](std::vector<Cut> cuts) {
      stream.cuts.insert(stream.cuts.end(), std::make_move_iterator(cuts.begin()),
                         std::make_move_iterator(cuts.end()));
    };
    std::vector<std::string> paths = item.paths(type == "lhotse_shar" ? "shar_path" : "manifest_filepath");
    if (type == "nemo") {
      for (const std::string& path : paths) add(read_nemo_cuts(folder / path, options));
    } else if (type == "nemo_tarred") {
      const auto tars = item.paths("tarred_audio_filepaths");
      if (tars.size() != paths.size()) {
        fail_bad_input("{}: expected as many tarred_audio_filepaths as manifest_filepath (got {} and {})",
                       item.where(), tars.size(), paths.size());
      }
      for (std::size_t index = 0; index < paths.size(); ++index) {
        add(read_tarred_cuts(folder / paths[index], folder / tars[index], options));
      }
    } else if (type == "lhotse_shar") {
      for (const std::string& path : paths) add(read_shar_cuts(folder / path, options));
    } else {
      fail_bad_input("{}: type '{}' is not supported (expected nemo, nemo_tarred, lhotse_shar or group)",
                     item.where(), printable(type));
    }
    stream.weight = weight_of(stream.cuts, options_.limits);
    auto name = item.text("name");
    if (!name) name = item.text("corpus");
    stream.name = name.value_or(paths[0]);
    return stream;
  }

  const SourceOptions& options_;
};

}  // namespace

double weight_of(const std::vector<Cut>& cuts, const DurationLimits& limits) {
  return static_cast<double>(
      std::count_if(cuts.begin(), cuts.end(), [&](const Cut& cut) { return limits.hold(cut); }));
}

std::vector<WeightedCuts> read_input_cfg(const std::string& yaml_or_path, const fs::path& folder,
                                         const SourceOptions& options) {
  const Reader reader(options);
  return reader.read(reader.load(yaml_or_path, "input_cfg", folder), /*depth=*/0);
}

}  // namespace glossa::data
