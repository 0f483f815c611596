// Where `transcribe` puts its results: stdout, or one file per input in a folder.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>

#include "cli/inputs.h"
#include "cli/output_formats.h"

namespace glossa::cli {

class OutputWriter {
 public:
  // An empty folder means stdout. With `several` inputs lines of text begin with the path and a tab, and
  // subtitles need a folder: Error kInvalidArgument.
  OutputWriter(OutputFormat format, std::filesystem::path folder, bool several);

  // Before the first write(): names the files of these inputs, of which only some will be written.
  void plan(std::span<const Input> inputs);

  // Files are named after the input's file: name.txt, or name.wav.txt when that is taken, or name-2.txt.
  // Error kBadInput when a file cannot be written.
  void write(const Input& input, const Recognition& recognition);
  // The same of a recording whose channels were kept apart: format_conversation(). At least one.
  void write_conversation(const Input& input, std::span<const Recognition> channels);

 private:
  std::filesystem::path file_for(const Input& input);
  void write_text(const Input& input, std::string text);

  OutputFormat format_;
  std::filesystem::path folder_;
  bool several_;
  std::set<std::filesystem::path> taken_;
  std::map<std::string, std::filesystem::path> planned_;  // by the inputs' names
};

// Makes the folder when it is missing. Error kBadInput when that fails.
void make_folder(const std::filesystem::path& folder);

// Error kBadInput when the file could not be written, before the work whose result it is to hold. Makes its
// folder; changes nothing else.
void check_writable(const std::filesystem::path& file);

// Error kBadInput when the disk refuses.
void write_file(const std::filesystem::path& path, const std::string& bytes);

// The text to stdout, at once. Error kBadInput when stdout is closed or full.
void print_to_stdout(const std::string& text);

}  // namespace glossa::cli
