#include <fstream>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "data/json_lines.h"

namespace glossa::data {

namespace fs = std::filesystem;

void append_nemo_cuts(std::istream& lines, const std::string& name, const fs::path& folder,
                      const SourceOptions& options, std::vector<Cut>& cuts) {
  for_each_json_line(lines, name, options.on_bad_line, [&](const nlohmann::json& object, const Place& place) {
    if (is_skipped(object)) return;
    Cut cut = parse_nemo_entry(object, place, options);
    cut.audio = (folder / fs::path(audio_filepath(object, place))).lexically_normal();
    cut.id = fmt::format("{}:{}", cut.audio.stem().string(), place.line);
    if (cut.duration == 0) {
      double seconds = 0;
      try {
        seconds = audio::audio_duration(cut.audio) - cut.offset;
      } catch (const Error& error) {
        fail_bad_input("{}:{}: no duration, and the sound does not tell it: {}", place.file, place.line,
                       error.what());
      }
      if (seconds <= 0) {
        fail_bad_input("{}:{}: no sound is left (expected an offset below {} s, got {} s)", place.file,
                       place.line, seconds + cut.offset, cut.offset);
      }
      cut.duration = seconds;
    }
    cuts.push_back(std::move(cut));
  });
}

std::vector<Cut> read_nemo_cuts(const fs::path& manifest, const SourceOptions& options) {
  std::vector<Cut> cuts;
  const std::string whole = manifest.string();
  // A name that exists is no pattern, whatever brackets it has.
  for (const std::string& path : is_file(manifest) ? std::vector{whole} : expand_shards(whole)) {
    if (!is_file(path)) fail_bad_input("{}: no such manifest (expected a file of JSON lines)", path);
    std::ifstream file(path, std::ios::binary);
    if (!file) fail_bad_input("{}: cannot open the manifest (expected a file of JSON lines)", path);
    append_nemo_cuts(file, path, fs::absolute(path).parent_path(), options, cuts);
  }
  return cuts;
}

}  // namespace glossa::data
