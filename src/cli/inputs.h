// What there is to transcribe.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/manifest.h"

namespace glossa::cli {

struct Input {
  std::filesystem::path audio;      // "-": raw PCM on stdin
  std::string name;                 // for messages: as given, or manifest:line
  std::optional<double> offset;     // seconds; with it, `duration` seconds from there, 0: all
  std::optional<double> duration;   // seconds; without offset it is only a description of the file
  std::optional<std::string> text;  // reference
  std::optional<std::string> target_lang;

  bool is_stdin() const { return audio == "-"; }
};

// Files as they come; folders give their sound files in order of path, with `recursive` also those of folders
// below. Error kBadInput for a folder without any, or something that does not exist.
std::vector<Input> collect_inputs(std::span<const std::string> paths, bool recursive);

// One input per entry of a manifest.
std::vector<Input> inputs_of_manifest(const std::filesystem::path& manifest,
                                      const data::ManifestFields& fields = {});

// The files of a folder and the folders below with that extension ("wav"), in order of path.
std::vector<Input> inputs_of_folder(const std::filesystem::path& folder, std::string_view extension);

}  // namespace glossa::cli
