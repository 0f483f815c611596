// `glossa languages`: what --target-lang may be.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/model_report.h"
#include "cli/output_writer.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

struct LanguagesOptions {
  ModelOptions model;
  bool json = false;
};

std::string to_json(const std::vector<LanguageReport>& reports) {
  ordered_json list = ordered_json::array();
  for (const LanguageReport& report : reports) {
    list.push_back({{"code", report.language.code},
                    {"slot", report.language.prompt_slot},
                    {"aliases", report.language.aliases},
                    {"tier", report.tier.empty() ? ordered_json() : ordered_json(report.tier)},
                    {"tag_id", report.tag_id < 0 ? ordered_json() : ordered_json(report.tag_id)}});
  }
  return text::json_text(list, 2) + "\n";
}

std::string to_text(const std::vector<LanguageReport>& reports) {
  if (reports.empty()) return "one language: the checkpoint has no prompt\n";
  std::string text = fmt::format("{:<8}{:>5}  {:<16}{:<21}{}\n", "code", "slot", "aliases", "tier", "tag");
  for (const LanguageReport& report : reports) {
    const std::string tag =
        report.tag_id < 0 ? "-" : fmt::format("<{}> {}", report.language.code, report.tag_id);
    text += fmt::format(
        "{:<8}{:>5}  {:<16}{:<21}{}\n", report.language.code, report.language.prompt_slot,
        report.language.aliases.empty() ? "-" : fmt::format("{}", fmt::join(report.language.aliases, " ")),
        report.tier.empty() ? "-" : report.tier, tag);
  }
  return text;
}

int languages(const LanguagesOptions& options) {
  const auto reports = report_languages(*checkpoint::read_checkpoint(model_path(options.model)));
  print_to_stdout(options.json ? to_json(reports) : to_text(reports));
  return kDone;
}

}  // namespace

Command add_languages(CLI::App& program) {
  auto options = std::make_shared<LanguagesOptions>();
  CLI::App* command =
      program.add_subcommand("languages", "What --target-lang may be: code, prompt slot, aliases, tier");
  command->footer(
      "The tier is the model card's word for the released Nemotron 3.5 ASR checkpoint. The tag is the token\n"
      "that the model writes behind a sentence of the language.");
  command
      ->add_option(
          "model", options->model.model,
          "A .nemo or .gguf file, or a folder of transformers (default: $GLOSSA_MODEL, else the bundled "
          "demo model)")
      ->type_name("");
  command->add_flag("--json", options->json, "JSON instead of text");
  return {command, [options] { return languages(*options); }};
}

}  // namespace glossa::cli
