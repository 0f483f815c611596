#include <fstream>
#include <map>
#include <unordered_map>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/tar_reader.h"
#include "data/json_lines.h"
#include "data/shard_pattern.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;

// "stem-sub12.ext" shares the member "stem.ext". Empty when `name` is no such entry.
std::string shared_member(const std::string& name) {
  constexpr std::string_view kMark = "-sub";
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string::npos || mark == 0) return "";
  std::size_t end = mark + kMark.size();
  while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
  const bool numbered = end > mark + kMark.size();
  const bool only_extension_follows =
      end == name.size() || (name[end] == '.' && name.find_first_of("./-", end + 1) == std::string::npos);
  return numbered && only_extension_follows ? name.substr(0, mark) + name.substr(end) : "";
}

// The cuts of one shard are checked against its tar while that is at hand; only the headers are read.
class Shard {
 public:
  Shard(const std::string& tar, const SourceOptions& options)
      : path_(tar), options_(options), map_(path_), contents_(read_damaged_tar(map_.bytes(), tar)) {
    for (const TarMember& member : contents_.members) members_.emplace(member.name, Member{member.bytes});
  }

  // The member has an entry, which is passed over.
  void skip(const std::string& name) {
    if (const auto member = member_of(name); member != members_.end()) member->second.used = true;
  }

  // Adds the sound's place to `cut`, whose id is the entry's name.
  void place(Cut cut, std::vector<Cut>& cuts) {
    const auto member = member_of(cut.id);
    if (member == members_.end()) {
      if (!contents_.damage.empty()) {
        ++lost_;
        return;
      }
      fail_bad_input("{}:{}: {} has no member '{}'", cut.source, cut.line, path_.string(), printable(cut.id));
    }
    member->second.used = true;
    if (cut.duration == 0) cut.duration = seconds_left(cut, member->second.bytes);
    cut.audio = path_;
    cut.member = member->first;
    cuts.push_back(std::move(cut));
  }

  void finish(const std::string& manifest) const {
    if (!contents_.damage.empty()) {
      log::warning(fmt::format("{}; the {} members before that are used, {} entries of {} are left out",
                               contents_.damage, contents_.members.size(), lost_, manifest));
    }
    if (options_.skip_missing_manifest_entries) return;
    for (const TarMember& member : contents_.members) {
      if (members_.at(member.name).used) continue;
      report(
          fmt::format("{}: the member '{}' has no entry in {} (skip_missing_manifest_entries: true passes "
                      "over such members)",
                      path_.string(), printable(member.name), manifest));
    }
  }

 private:
  struct Member {
    std::span<const std::byte> bytes;
    bool used = false;
  };
  using Members = std::unordered_map<std::string, Member>;

  Members::iterator member_of(const std::string& name) {
    const auto member = members_.find(name);
    return member != members_.end() ? member : members_.find(shared_member(name));
  }

  static double seconds_left(const Cut& cut, std::span<const std::byte> bytes) {
    const double seconds =
        audio::audio_duration(bytes, fmt::format("{}:{}: the sound of '{}'", cut.source, cut.line, cut.id)) -
        cut.offset;
    if (seconds > 0) return seconds;
    fail_bad_input("{}:{}: no sound is left (expected an offset below {} s, got {} s)", cut.source, cut.line,
                   seconds + cut.offset, cut.offset);
  }

  void report(const std::string& message) const {
    if (!options_.on_bad_line) fail_bad_input("{}", message);
    options_.on_bad_line(message);
  }

  fs::path path_;
  const SourceOptions& options_;
  MappedFile map_;
  TarContents contents_;
  Members members_;
  std::int64_t lost_ = 0;
};

std::map<long, std::string> by_shard_id(const std::vector<std::string>& paths, std::string_view kind) {
  std::map<long, std::string> result;
  for (const std::string& path : paths) {
    if (!is_file(path)) fail_bad_input("{}: no such file (expected a shard)", path);
    std::optional<long> id = shard_id(path, kind);
    if (!id && paths.size() == 1) id = 0;
    if (!id) fail_bad_input("{}: no shard number (expected a name like {}_12)", path, kind);
    const auto [at, fresh] = result.emplace(*id, path);
    if (!fresh) fail_bad_input("{} and {} have the same shard number {}", at->second, path, *id);
  }
  return result;
}

std::string member_name(const nlohmann::json& object, const Place& place) {
  std::string name = audio_filepath(object, place);
  while (name.starts_with("./")) name.erase(0, 2);  // tar members are named without it
  return name;
}

Cut parse_tarred_entry(const nlohmann::json& object, const Place& place, const SourceOptions& options) {
  Cut cut = parse_nemo_entry(object, place, options);
  cut.id = member_name(object, place);
  return cut;
}

std::optional<long> entry_shard(const nlohmann::json& object, const Place& place) {
  const nlohmann::json* id = find(object, "shard_id");
  if (id == nullptr) return std::nullopt;
  if (!id->is_number_integer()) {
    fail_bad_input("{}:{}: \"shard_id\" must be a whole number (got {})", place.file, place.line,
                   id->type_name());
  }
  return id->get<long>();
}

std::string ids_missing(const std::map<long, std::string>& have, const std::map<long, std::string>& other) {
  std::string list;
  int missing = 0;
  for (const auto& [id, path] : other) {
    if (have.contains(id)) continue;
    if (++missing <= 5) list += fmt::format("{}{}", list.empty() ? "" : ", ", id);
  }
  return missing > 5 ? fmt::format("{} and {} more", list, missing - 5) : list;
}

void expect_same_shards(const std::map<long, std::string>& manifests, const std::map<long, std::string>& tars,
                        const std::string& manifest_pattern, const std::string& tar_pattern) {
  const std::string no_manifest = ids_missing(manifests, tars);
  const std::string no_tar = ids_missing(tars, manifests);
  if (no_manifest.empty() && no_tar.empty()) return;
  fail_bad_input("{} and {}: the shard numbers differ (no manifest for: {}; no tar for: {})",
                 manifest_pattern, tar_pattern, no_manifest.empty() ? "-" : no_manifest,
                 no_tar.empty() ? "-" : no_tar);
}

// One manifest for all shards.
std::vector<Cut> read_grouped(const std::string& manifest, const std::map<long, std::string>& tars,
                              const SourceOptions& options) {
  std::map<long, std::vector<Cut>> by_shard;
  std::map<long, std::vector<std::string>> skipped;
  for_each_json_line(manifest, options.on_bad_line, [&](const nlohmann::json& object, const Place& place) {
    std::optional<long> id = entry_shard(object, place);
    if (tars.size() == 1 && (!id || !tars.contains(*id))) id = tars.begin()->first;  // the only tar there is
    if (!id) {
      fail_bad_input("{}:{}: no shard_id (expected one, since the manifest is of {} tars)", place.file,
                     place.line, tars.size());
    }
    if (!tars.contains(*id)) {
      fail_bad_input("{}:{}: no tar for shard_id {} (expected {} to {})", place.file, place.line, *id,
                     tars.begin()->first, tars.rbegin()->first);
    }
    if (is_skipped(object)) {
      skipped[*id].push_back(member_name(object, place));
    } else {
      by_shard[*id].push_back(parse_tarred_entry(object, place, options));
    }
  });
  std::vector<Cut> cuts;
  for (const auto& [id, tar] : tars) {
    Shard shard(tar, options);
    for (const std::string& name : skipped[id]) shard.skip(name);
    for (Cut& cut : by_shard[id]) {
      try {
        shard.place(std::move(cut), cuts);
      } catch (const Error& error) {
        if (!options.on_bad_line) throw;
        options.on_bad_line(error.what());
      }
    }
    shard.finish(manifest);
    by_shard.erase(id);
  }
  return cuts;
}

}  // namespace

std::vector<Cut> read_tarred_cuts(const std::string& manifests, const std::string& tars,
                                  const SourceOptions& options) {
  const auto tars_by_id = by_shard_id(expand_shards(tars), "audio");
  const auto manifest_paths = expand_shards(manifests);
  if (manifest_paths.size() == 1) {
    if (!is_file(manifest_paths[0]))
      fail_bad_input("{}: no such file (expected a manifest)", manifest_paths[0]);
    return read_grouped(manifest_paths[0], tars_by_id, options);
  }
  const auto manifests_by_id = by_shard_id(manifest_paths, "manifest");
  expect_same_shards(manifests_by_id, tars_by_id, manifests, tars);
  std::vector<Cut> cuts;
  for (const auto& [id, manifest] : manifests_by_id) {
    Shard shard(tars_by_id.at(id), options);
    for_each_json_line(manifest, options.on_bad_line, [&](const nlohmann::json& object, const Place& place) {
      if (is_skipped(object)) {
        shard.skip(member_name(object, place));
      } else {
        shard.place(parse_tarred_entry(object, place, options), cuts);
      }
    });
    shard.finish(manifest);
  }
  return cuts;
}

}  // namespace glossa::data
