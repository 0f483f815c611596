// The commands below `glossa data`, and what they share.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "data/manifest_lines.h"
#include "model/prompt_table.h"
#include "text/sentencepiece.h"

namespace glossa::cli {

Command add_data_check(CLI::App& data);
Command add_data_stats(CLI::App& data);
Command add_data_tar(CLI::App& data);
Command add_data_mix(CLI::App& data);
Command add_data_segment(CLI::App& data);

struct DataOptions {
  std::vector<std::filesystem::path> manifests;
  int threads = 0;  // 0: one per core
  bool json = false;
  bool quiet = false;
};

void add_manifests(CLI::App& command, DataOptions& options);
void add_threads(CLI::App& command, DataOptions& options);
void add_json_and_quiet(CLI::App& command, DataOptions& options);

// Error kBadInput when one of them cannot be read, kInvalidArgument when one is named twice.
std::vector<data::ManifestText> read_manifests(const std::vector<std::filesystem::path>& paths);

// What a checkpoint says about text.
struct TextModel {
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  std::unique_ptr<text::SentencePiece> tokenizer;
  std::optional<model::PromptTable> prompts;
};
TextModel read_text_model(const std::filesystem::path& path);

// Written beside `path` and renamed. Error kBadInput when the disk refuses.
void replace_file(const std::filesystem::path& path, const std::string& bytes);

// The two halves of it: where to write, and the renaming. A file that cannot be renamed is removed.
std::filesystem::path partial_of(const std::filesystem::path& path);
void put_in_place(const std::filesystem::path& path);

// The same error before the work whose result replaces the file. Makes its folder.
void check_replaceable(const std::filesystem::path& path);

// "3 lines", "1 line".
std::string counted(std::int64_t count, const std::string& noun);

}  // namespace glossa::cli
