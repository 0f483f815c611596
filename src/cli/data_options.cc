#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/fail.h"
#include "cli/data_commands.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"

namespace glossa::cli {

namespace fs = std::filesystem;

void add_manifests(CLI::App& command, DataOptions& options) {
  command
      .add_option("manifest", options.manifests,
                  "Manifests: JSON lines with audio_filepath, duration, text, target_lang")
      ->required()
      ->type_name("");
}

void add_threads(CLI::App& command, DataOptions& options) {
  command.add_option("--threads", options.threads, "Threads (default: one per core)")
      ->check(between(1, 1024))
      ->type_name("N");
}

void add_json_and_quiet(CLI::App& command, DataOptions& options) {
  command.add_flag("--json", options.json, "JSON instead of text");
  command.add_flag("--quiet", options.quiet, "Neither progress nor notes on stderr, only errors");
}

namespace {

// What a link leads to is replaced, not the link.
fs::path followed(const fs::path& path) {
  std::error_code ignored;
  const fs::path target = fs::canonical(path, ignored);
  return target.empty() ? path : target;
}

}  // namespace

std::vector<data::ManifestText> read_manifests(const std::vector<fs::path>& paths) {
  std::vector<data::ManifestText> manifests;
  for (const fs::path& path : paths) {
    for (const data::ManifestText& earlier : manifests) {
      if (fs::exists(path) && fs::equivalent(earlier.path, path))
        fail_invalid_argument("{}: named twice (expected different manifests)", path.string());
    }
    manifests.push_back(data::read_manifest_text(path));
  }
  return manifests;
}

TextModel read_text_model(const fs::path& path) {
  if (!fs::exists(path))
    fail_bad_input("{}: no such file (expected a .nemo or .gguf checkpoint, or a folder of transformers)",
                   path.string());
  TextModel model;
  model.checkpoint = checkpoint::read_checkpoint(path);
  model.tokenizer =
      std::make_unique<text::SentencePiece>(model.checkpoint->tokenizer_model(), model.checkpoint->source());
  if (model.checkpoint->config().has_prompt()) model.prompts.emplace(model.checkpoint->config().prompt);
  return model;
}

fs::path partial_of(const fs::path& path) { return followed(path).string() + ".partial"; }

void replace_file(const fs::path& path, const std::string& bytes) {
  const fs::path partial = partial_of(path);
  std::error_code ignored;
  try {
    write_file(partial, bytes);
  } catch (const Error&) {
    fs::remove(partial, ignored);
    throw;
  }
  put_in_place(path);
}

void put_in_place(const fs::path& path) {
  const fs::path partial = partial_of(path);
  std::error_code error;
  fs::rename(partial, followed(path), error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(partial, ignored);
  fail_bad_input("{}: cannot write the file ({})", path.string(), error.message());
}

void check_replaceable(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) fail_bad_input("{}: cannot write the file (it is a folder)", path.string());
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail_bad_input("{}: cannot replace it (expected a file or nothing)", path.string());
  check_writable(partial_of(path));
}

std::string counted(std::int64_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace glossa::cli
