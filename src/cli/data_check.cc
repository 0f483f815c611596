// `glossa data check`: what in a manifest would break or spoil a training run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "cli/data_commands.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "data/checks.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::size_t kShown = 5;  // findings of a kind on a terminal

struct CheckCommand {
  DataOptions data;
  std::vector<fs::path> against;
  fs::path model;
  fs::path fix;
  std::string target_lang;
  double min_duration = 0;
  double max_duration = std::numeric_limits<double>::infinity();
  bool no_audio = false;
};

struct Outcome {
  std::vector<data::CheckedManifest> manifests;
  std::int64_t errors = 0;
  std::int64_t warnings = 0;
  std::optional<data::CleanManifest> clean;
};

// The key of the same slot that is spelled most alike, so that NeMo finds it, too.
std::string spelling_of(const model::PromptTable& prompts, const std::string& lang) {
  const auto plain = [](std::string code) {
    std::transform(code.begin(), code.end(), code.begin(), [](char c) {
      return c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    return code;
  };
  const auto slot = prompts.find(lang);
  for (const Language& language : prompts.languages()) {
    if (language.prompt_slot != *slot) continue;
    std::vector<std::string> keys = language.aliases;
    keys.insert(keys.begin(), language.code);
    if (std::find(keys.begin(), keys.end(), lang) != keys.end()) return lang;
    for (const std::string& key : keys) {
      if (plain(key) == plain(lang)) return key;
    }
    return language.code;
  }
  return lang;
}

data::LanguageJudgement judge(const model::PromptTable& prompts, const std::string& lang) {
  if (prompts.find(lang)) return {true, spelling_of(prompts, lang), ""};
  try {
    prompts.slot_of(lang);
  } catch (const Error& error) {
    return {false, "", error.what()};
  }
  return {false, "", lang};
}

data::CheckOptions check_options(const CheckCommand& command, const TextModel& model) {
  data::CheckOptions options;
  options.min_duration = command.min_duration;
  options.max_duration = command.max_duration;
  options.survey.decode = !command.no_audio;
  if (!command.target_lang.empty()) options.default_language = command.target_lang;
  if (!model.checkpoint) return options;
  options.tokenizer = model.tokenizer.get();
  options.language_needed = model.prompts.has_value();
  if (model.prompts) {
    if (options.default_language) model.prompts->slot_of(*options.default_language);  // throws when unknown
    options.judge_language = [&model](const std::string& lang) { return judge(*model.prompts, lang); };
  }
  return options;
}

void check_fix(const CheckCommand& command) {
  if (command.fix.empty()) return;
  std::vector<fs::path> read = command.data.manifests;
  read.insert(read.end(), command.against.begin(), command.against.end());
  for (const fs::path& path : read) {
    if (fs::exists(command.fix) && fs::exists(path) && fs::equivalent(path, command.fix)) {
      fail_invalid_argument("--fix would replace {} (expected another file, got {})", path.string(),
                            command.fix.string());
    }
  }
}

data::CleanManifest clean_of(const fs::path& path, const std::vector<data::ManifestText>& manifests,
                             const std::vector<data::CheckedManifest>& results) {
  data::CleanManifest all;
  for (std::size_t which = 0; which < manifests.size(); ++which) {
    auto clean =
        data::clean_manifest(manifests[which], results[which].findings, fs::absolute(path).parent_path());
    all.dropped += clean.dropped;
    all.changed += clean.changed;
    all.lines.insert(all.lines.end(), clean.lines.begin(), clean.lines.end());
  }
  return all;
}

void write(const data::CleanManifest& clean, const fs::path& path) {
  std::string bytes;
  for (const std::string& line : clean.lines) bytes += line + "\n";
  replace_file(path, bytes);
}

std::vector<data::CheckedManifest> run_checks(const CheckCommand& command,
                                              const std::vector<data::ManifestText>& manifests) {
  const auto held_out = read_manifests(command.against);
  const TextModel model = command.model.empty() ? TextModel() : read_text_model(command.model);
  data::CheckOptions options = check_options(command, model);
  const InterruptGuard interrupt;
  Progress progress(command.no_audio ? "looking" : "decoding", 1, command.data.quiet);
  options.survey.progress = [&](std::int64_t done, std::int64_t files, double seconds) {
    interrupt.check();
    progress.update(static_cast<double>(done) / static_cast<double>(files),
                    fmt::format("{} of {} files, {:.2f} hours", done, files, seconds / 3600));
  };
  const ThreadPool pool(command.data.threads);
  return data::check_manifests(manifests, held_out, options, pool);
}

std::map<std::string, std::vector<const data::Finding*>> by_kind(const data::CheckedManifest& manifest,
                                                                 data::Severity severity) {
  std::map<std::string, std::vector<const data::Finding*>> kinds;
  for (const data::Finding& finding : manifest.findings.list()) {
    if (finding.severity == severity) kinds[finding.kind].push_back(&finding);
  }
  return kinds;
}

std::string to_text(const data::CheckedManifest& manifest) {
  std::string text = fmt::format("{}: {}, {:.3f} hours\n", manifest.manifest,
                                 counted(manifest.sound.lines, "line"), manifest.sound.hours);
  for (const auto& [format, files] : manifest.sound.files_by_rate) {
    text += fmt::format("  {} Hz, {}: {}\n", format.first, counted(format.second, "channel"),
                        counted(files, "file"));
  }
  for (const auto severity : {data::Severity::kError, data::Severity::kWarning}) {
    for (const auto& [kind, findings] : by_kind(manifest, severity)) {
      text += fmt::format("  {} {}: {}\n", severity == data::Severity::kError ? "error" : "warning", kind,
                          findings.size());
      for (std::size_t index = 0; index < std::min(findings.size(), kShown); ++index) {
        const data::Finding& finding = *findings[index];
        text += finding.line > 0 ? fmt::format("    line {}: {}\n", finding.line, finding.message)
                                 : fmt::format("    {}\n", finding.message);
      }
      if (findings.size() > kShown)
        text += fmt::format("    and {} more (--json lists all)\n", findings.size() - kShown);
    }
  }
  return text;
}

std::string to_text(const Outcome& outcome) {
  std::string text;
  for (const data::CheckedManifest& manifest : outcome.manifests) text += to_text(manifest);
  text += fmt::format("{}, {}\n", counted(outcome.errors, "error"), counted(outcome.warnings, "warning"));
  return text;
}

std::string to_text(const data::CleanManifest& clean, const fs::path& path) {
  return fmt::format("{}: {} written, {} of them changed, {} dropped\n", path.string(),
                     counted(static_cast<std::int64_t>(clean.lines.size()), "line"), clean.changed,
                     clean.dropped);
}

ordered_json to_json(const data::CheckedManifest& manifest) {
  ordered_json files = ordered_json::array();
  for (const auto& [format, count] : manifest.sound.files_by_rate) {
    files.push_back({{"sample_rate", format.first}, {"channels", format.second}, {"files", count}});
  }
  ordered_json findings = ordered_json::array();
  std::map<std::string, std::int64_t> counts;
  for (const data::Finding& finding : manifest.findings.list()) {
    ++counts[finding.kind];
    findings.push_back({{"kind", finding.kind},
                        {"severity", finding.severity == data::Severity::kError ? "error" : "warning"},
                        {"manifest", finding.manifest},
                        {"line", finding.line > 0 ? ordered_json(finding.line) : ordered_json()},
                        {"message", finding.message},
                        {"fixable", finding.fixable}});
  }
  return {{"manifest", manifest.manifest},
          {"lines", manifest.sound.lines},
          {"hours", manifest.sound.hours},
          {"files", files},
          {"errors", manifest.errors()},
          {"warnings", manifest.warnings()},
          {"counts", counts},
          {"findings", findings}};
}

std::string to_json(const Outcome& outcome, const CheckCommand& command) {
  ordered_json manifests = ordered_json::array();
  for (const data::CheckedManifest& manifest : outcome.manifests) manifests.push_back(to_json(manifest));
  ordered_json report = {
      {"errors", outcome.errors}, {"warnings", outcome.warnings}, {"manifests", manifests}};
  if (outcome.clean) {
    report["fix"] = {{"file", command.fix.string()},
                     {"lines", outcome.clean->lines.size()},
                     {"changed", outcome.clean->changed},
                     {"dropped", outcome.clean->dropped}};
  }
  return text::json_text(report, 2) + "\n";
}

int check(const CheckCommand& command) {
  check_fix(command);
  const auto manifests = read_manifests(command.data.manifests);
  if (!command.fix.empty()) check_replaceable(command.fix);
  Outcome outcome{run_checks(command, manifests)};
  for (const data::CheckedManifest& manifest : outcome.manifests) {
    outcome.errors += manifest.errors();
    outcome.warnings += manifest.warnings();
  }
  if (!command.fix.empty()) outcome.clean = clean_of(command.fix, manifests, outcome.manifests);
  // A disk that is full does not cost the report, nor a reader that has gone the manifest.
  std::exception_ptr failure;
  try {
    if (outcome.clean) write(*outcome.clean, command.fix);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  print_to_stdout(command.data.json ? to_json(outcome, command) : to_text(outcome));
  if (failure) std::rethrow_exception(failure);
  if (outcome.clean && !command.data.json) print_to_stdout(to_text(*outcome.clean, command.fix));
  if (outcome.clean) return outcome.clean->lines.empty() ? kUnusableInput : kDone;
  return outcome.errors > 0 ? kUnusableInput : kDone;
}

}  // namespace

Command add_data_check(CLI::App& data) {
  auto options = std::make_shared<CheckCommand>();
  CLI::App* command = data.add_subcommand("check", "Find what would break or spoil a training run");
  command->footer(
      "Errors are sounds that are missing, damaged, silent or of another length, languages that are missing "
      "or\n"
      "unknown, and what is trained on and held out at once; everything else is a warning. docs/data.md "
      "explains\n"
      "every kind. Exit code: 0 without errors, 3 with errors; with --fix 0 when OUT has lines, 3 when none "
      "is left.");
  add_manifests(*command, options->data);
  command
      ->add_option("--against", options->against,
                   "Manifests that are held out (validation, test): what is in them must not be trained on")
      ->type_name("FILE...");
  command
      ->add_option(
          "--model", options->model,
          "A checkpoint, file or folder: its languages and its tokenizer are what is checked against")
      ->type_name("PATH");
  command
      ->add_option("--target-lang", options->target_lang,
                   "Language of lines without target_lang (default: none, an error)")
      ->type_name("LANG");
  command
      ->add_option("--min-duration", options->min_duration,
                   "Say what a training run with this limit leaves out (default: 0)")
      ->check(zero_or_more())
      ->type_name("SECONDS");
  command
      ->add_option("--max-duration", options->max_duration,
                   "Say what a training run with this limit leaves out (default: none)")
      ->check(above_zero())
      ->type_name("SECONDS");
  command
      ->add_option(
          "--fix", options->fix,
          "Write the lines without errors here, with durations and languages corrected; the rest of a "
          "line stays as it is")
      ->type_name("OUT");
  command->add_flag("--no-audio", options->no_audio, "Decode nothing: only look whether the files are there");
  add_threads(*command, options->data);
  add_json_and_quiet(*command, options->data);
  return {command, [options] { return check(*options); }};
}

}  // namespace glossa::cli
