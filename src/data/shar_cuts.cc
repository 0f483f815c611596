#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "base/gzip.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/tar_reader.h"
#include "data/json_lines.h"

namespace glossa::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ShardFiles {
  fs::path cuts;
  fs::path recording;
};

// "cuts.NNNNNN.jsonl.gz" (or not compressed, or not numbered) with "recording.NNNNNN.tar", by name.
std::vector<ShardFiles> shards_of(const fs::path& folder) {
  if (!is_folder(folder)) {
    fail_bad_input("{}: no such folder (expected a Lhotse Shar folder)", folder.string());
  }
  constexpr std::string_view kPrefix = "cuts";
  std::vector<ShardFiles> shards;
  std::error_code ignored;  // a folder that cannot be read has no cuts
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t suffix = name.find(".jsonl");
    if (!name.starts_with(kPrefix) || suffix == std::string::npos) continue;
    const std::string ending = name.substr(suffix);
    if (ending != ".jsonl.gz" && ending != ".jsonl") continue;
    const std::string number = name.substr(kPrefix.size(), suffix - kPrefix.size());
    shards.push_back({entry.path(), folder / ("recording" + number + ".tar")});
    if (!is_file(shards.back().recording)) {
      fail_bad_input("{}: no such file (expected the sound of {})", shards.back().recording.string(),
                     entry.path().string());
    }
  }
  if (shards.empty()) {
    fail_bad_input("{}: no cuts (expected files like cuts.000000.jsonl.gz)", folder.string());
  }
  std::sort(shards.begin(), shards.end(),
            [](const ShardFiles& a, const ShardFiles& b) { return a.cuts < b.cuts; });
  return shards;
}

std::string text_of(const fs::path& path) {
  const MappedFile file(path);
  const auto as_text = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  return is_gzip(file.bytes()) ? as_text(gunzip(file.bytes(), path.string())) : as_text(file.bytes());
}

// What was said lies in the supervisions; several (long cuts of many sentences) are joined. Custom fields of
// the cut go before those of a supervision, as Lhotse looks them up.
std::string custom_text(const json& cut, const char* key, const Place& place) {
  if (const json* custom = find(cut, "custom"); custom != nullptr && custom->is_object()) {
    if (auto value = find_string(*custom, key, place)) return *value;
  }
  return "";
}

void take_supervisions(const json& object, const Place& place, const SourceOptions& options, Cut& cut) {
  const json* supervisions = find(object, "supervisions");
  if (supervisions == nullptr) return;
  if (!supervisions->is_array())
    fail_bad_input("{}:{}: \"supervisions\" must be a list", place.file, place.line);
  for (const json& supervision : *supervisions) {
    if (!supervision.is_object())
      fail_bad_input("{}:{}: a supervision must be an object", place.file, place.line);
    std::string text = custom_text(supervision, options.fields.text.c_str(), place);
    if (text.empty()) text = find_string(supervision, options.fields.text.c_str(), place).value_or("");
    if (!text.empty()) cut.text += (cut.text.empty() ? "" : " ") + text;
    for (const char* key : {options.fields.lang.c_str(), "lang"}) {
      if (cut.target_lang.empty()) cut.target_lang = custom_text(supervision, key, place);
    }
    if (cut.target_lang.empty()) cut.target_lang = find_string(supervision, "language", place).value_or("");
    if (cut.prompt_mode.empty()) cut.prompt_mode = custom_text(supervision, "prompt_mode", place);
  }
}

Cut parse_shar_cut(const json& object, const Place& place, const SourceOptions& options) {
  Cut cut;
  cut.id = find_string(object, "id", place).value_or("");
  if (cut.id.empty()) fail_bad_input("{}:{}: no id (expected a cut)", place.file, place.line);
  if (const auto type = find_string(object, "type", place);
      type && *type != "MonoCut" && *type != "MultiCut") {
    fail_bad_input("{}:{}: a cut of type '{}' (expected MonoCut or MultiCut)", place.file, place.line,
                   printable(*type));
  }
  cut.offset = find_seconds(object, "start", place).value_or(0);
  cut.duration = find_seconds(object, "duration", place).value_or(0);
  cut.target_lang = custom_text(object, options.fields.lang.c_str(), place);
  if (cut.target_lang.empty()) cut.target_lang = custom_text(object, "lang", place);
  cut.prompt_mode = custom_text(object, "prompt_mode", place);
  take_supervisions(object, place, options, cut);
  cut.source = place.file;
  cut.line = place.line;
  return cut;
}

void append_shard(const ShardFiles& shard, const SourceOptions& options, std::vector<Cut>& cuts) {
  const MappedFile map(shard.recording);
  const std::string tar_name = shard.recording.string();
  const TarContents contents = read_damaged_tar(map.bytes(), tar_name);
  // "<cut id>.<ext>" goes before "<cut id>.json"; ".nodata" stands for a cut without sound.
  std::unordered_map<std::string, const TarMember*> sounds;
  for (const TarMember& member : contents.members) {
    const std::size_t dot = member.name.rfind('.');
    const std::string extension = dot == std::string::npos ? "" : member.name.substr(dot);
    if (extension == ".json" || extension == ".nodata" || extension == ".nometa") continue;
    sounds.emplace(member.name.substr(0, dot), &member);
  }
  std::int64_t lost = 0;
  std::istringstream lines(text_of(shard.cuts));
  for_each_json_line(
      lines, shard.cuts.string(), options.on_bad_line, [&](const json& object, const Place& place) {
        if (is_skipped(object)) return;
        Cut cut = parse_shar_cut(object, place, options);
        const auto sound = sounds.find(cut.id);
        if (sound == sounds.end()) {
          if (!contents.damage.empty()) {
            ++lost;
            return;
          }
          fail_bad_input("{}:{}: {} has no sound for the cut '{}'", place.file, place.line, tar_name,
                         printable(cut.id));
        }
        cut.audio = shard.recording;
        cut.member = sound->second->name;
        if (cut.duration == 0) {
          cut.duration = audio::audio_duration(sound->second->bytes,
                                               fmt::format("{}:{}: {}", place.file, place.line, cut.member)) -
                         cut.offset;
          if (cut.duration <= 0) fail_bad_input("{}:{}: no sound is left", place.file, place.line);
        }
        cuts.push_back(std::move(cut));
      });
  if (contents.damage.empty()) return;
  log::warning(fmt::format("{}; the {} members before that are used, {} cuts of {} are left out",
                           contents.damage, contents.members.size(), lost, shard.cuts.string()));
}

}  // namespace

std::vector<Cut> read_shar_cuts(const fs::path& folder, const SourceOptions& options) {
  std::vector<Cut> cuts;
  for (const ShardFiles& shard : shards_of(folder)) append_shard(shard, options, cuts);
  return cuts;
}

}  // namespace glossa::data
