#include "cli/inputs.h"

#include <algorithm>
#include <functional>

#include "audio/audio_file.h"
#include "base/fail.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

template <class Iterator>
std::vector<fs::path> files_of(const fs::path& folder, const std::function<bool(const fs::path&)>& wanted) {
  std::vector<fs::path> files;
  for (const auto& entry : Iterator(folder, fs::directory_options::skip_permission_denied)) {
    std::error_code unusable;  // a link in a circle, say
    if (entry.is_regular_file(unusable) && wanted(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void append(std::vector<Input>& inputs, const std::vector<fs::path>& files) {
  for (const fs::path& file : files) inputs.push_back({.audio = file, .name = file.string()});
}

}  // namespace

std::vector<Input> collect_inputs(std::span<const std::string> paths, bool recursive) {
  std::vector<Input> inputs;
  for (const std::string& path : paths) {
    std::error_code unusable;  // is reported when the input is opened
    if (path == "-" || !fs::is_directory(path, unusable)) {
      inputs.push_back({.audio = path, .name = path == "-" ? "stdin" : path});
      continue;
    }
    const auto files = recursive
                           ? files_of<fs::recursive_directory_iterator>(path, audio::has_audio_extension)
                           : files_of<fs::directory_iterator>(path, audio::has_audio_extension);
    if (files.empty()) {
      fail_bad_input("{}: nothing to transcribe (expected sound files, got none{})", path,
                     recursive ? "" : "; --recursive looks into the folders below, too");
    }
    append(inputs, files);
  }
  if (std::count_if(inputs.begin(), inputs.end(), [](const Input& input) { return input.is_stdin(); }) > 1) {
    fail_invalid_argument("stdin can be transcribed once (expected one -, got more)");
  }
  return inputs;
}

std::vector<Input> inputs_of_manifest(const fs::path& manifest, const data::ManifestFields& fields) {
  std::vector<Input> inputs;
  for (data::ManifestEntry& entry : data::read_manifest(manifest, fields)) {
    inputs.push_back({.audio = std::move(entry.audio_filepath),
                      .name = fmt::format("{}:{}", manifest.string(), entry.line),
                      .offset = entry.offset,
                      .duration = entry.duration,
                      .text = std::move(entry.text),
                      .target_lang = std::move(entry.target_lang)});
  }
  if (inputs.empty())
    fail_bad_input("{}: nothing to transcribe (expected entries, got none)", manifest.string());
  return inputs;
}

std::vector<Input> inputs_of_folder(const fs::path& folder, std::string_view extension) {
  if (!fs::is_directory(folder))
    fail_bad_input("{}: no such folder (expected sound files in it)", folder.string());
  const std::string ending = "." + std::string(extension);
  std::vector<Input> inputs;
  append(inputs, files_of<fs::recursive_directory_iterator>(
                     folder, [&](const fs::path& path) { return path.string().ends_with(ending); }));
  if (inputs.empty())
    fail_bad_input("{}: nothing to transcribe (expected *{} files, got none)", folder.string(), ending);
  return inputs;
}

}  // namespace glossa::cli
