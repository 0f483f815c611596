// `glossa info`: what a checkpoint is, and how this machine would run it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "cli/bytes_on_disk.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/model_report.h"
#include "cli/output_writer.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

struct InfoOptions {
  ModelOptions model;
  bool json = false;
};

ordered_json to_json(const checkpoint::Checkpoint& checkpoint) {
  const model::ModelConfig& config = checkpoint.config();
  ordered_json contexts = ordered_json::array();
  for (const AttContext& context : config.encoder.att_contexts) {
    contexts.push_back(
        {{"left", context.left}, {"right", context.right}, {"latency_ms", latency_ms(config, context)}});
  }
  ordered_json parameters = ordered_json::object();
  std::int64_t total = 0;
  for (const auto& [part, count] : count_parameters(checkpoint)) {
    parameters[part] = count;
    total += count;
  }
  parameters["total"] = total;
  const auto free = free_prompt_slots(checkpoint);
  ordered_json locales = ordered_json::array();
  for (const LanguageReport& report : report_languages(checkpoint)) locales.push_back(report.language.code);
  ordered_json kernels = ordered_json::object();
  for (const auto& [operation, chosen] : chosen_kernels()) kernels[operation] = chosen;
  return {
      {"model", checkpoint.source()},
      {"file_bytes", bytes_on_disk(checkpoint.source())},
      {"weights", weight_types(checkpoint)},
      {"parameters", parameters},
      {"features",
       {{"sample_rate", config.features.sample_rate},
        {"mels", config.features.mels},
        {"window", config.features.window},
        {"hop", config.features.hop},
        {"fft", config.features.fft}}},
      {"encoder",
       {{"layers", config.encoder.layers},
        {"d_model", config.encoder.d_model},
        {"heads", config.encoder.heads},
        {"feed_forward", config.encoder.ff_size()},
        {"conv_kernel", config.encoder.conv_kernel},
        {"subsampling_factor", config.encoder.subsampling_factor},
        {"subsampling_channels", config.encoder.subsampling_channels},
        {"use_bias", config.encoder.use_bias},
        {"scale_input", config.encoder.scale_input}}},
      {"att_contexts", contexts},
      {"prompt",
       {{"slots", config.prompt.num_prompts},
        {"used", config.prompt.num_prompts - static_cast<int>(free.size())},
        {"free_slots", free},
        {"keys", config.prompt.dictionary.size()},
        {"hidden", config.prompt.hidden}}},
      {"predictor", {{"hidden", config.predictor.hidden}, {"layers", config.predictor.layers}}},
      {"joint", {{"hidden", config.joint.hidden}, {"outputs", config.joint.outputs}}},
      {"vocabulary", config.predictor.vocabulary},
      {"max_symbols", config.decoding.max_symbols},
      {"locales", locales},
      {"kernels", kernels},
  };
}

std::string to_text(const ordered_json& info) {
  const auto number = [&](const char* group, const char* name) {
    return info[group][name].get<std::int64_t>();
  };
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<14}{}\n", name, value);
  };
  line("model", info["model"].get<std::string>());
  line("file", fmt::format("{:.1f} MB, weights {}", info["file_bytes"].get<double>() / 1e6,
                           info["weights"].get<std::string>()));
  std::string parts;
  for (const auto& [part, count] : info["parameters"].items()) {
    if (part != "total")
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", part, count.get<std::int64_t>());
  }
  line("parameters", fmt::format("{} ({})", number("parameters", "total"), parts));
  const double rate = info["features"]["sample_rate"].get<double>();
  line("features",
       fmt::format("{} Hz, {} mels, window {:g} ms, hop {:g} ms, {}-point FFT",
                   number("features", "sample_rate"), number("features", "mels"),
                   1000 * info["features"]["window"].get<double>() / rate,
                   1000 * info["features"]["hop"].get<double>() / rate, number("features", "fft")));
  line(
      "encoder",
      fmt::format("{} layers, d_model {}, {} heads, feed-forward {}, conv kernel {}, subsampling {}x with {} "
                  "channels",
                  number("encoder", "layers"), number("encoder", "d_model"), number("encoder", "heads"),
                  number("encoder", "feed_forward"), number("encoder", "conv_kernel"),
                  number("encoder", "subsampling_factor"), number("encoder", "subsampling_channels")));
  if (number("prompt", "slots") > 0) {
    line("prompt", fmt::format("{} slots, {} used by {} keys, free: {}", number("prompt", "slots"),
                               number("prompt", "used"), number("prompt", "keys"),
                               ranges(info["prompt"]["free_slots"].get<std::vector<int>>())));
  } else {
    line("prompt", "none: one language");
  }
  line("predictor",
       fmt::format("{} layers of {}", number("predictor", "layers"), number("predictor", "hidden")));
  line("joint", fmt::format("{}, {} outputs", number("joint", "hidden"), number("joint", "outputs")));
  line("vocabulary", fmt::format("{} pieces and blank, at most {} labels per frame",
                                 info["vocabulary"].get<int>(), info["max_symbols"].get<int>()));
  bool first = true;
  for (const auto& context : info["att_contexts"]) {
    line(first ? "contexts" : "",
         fmt::format("[{},{}] {:g} ms{}", context["left"].get<int>(), context["right"].get<int>(),
                     context["latency_ms"].get<double>(), first ? " (default)" : ""));
    first = false;
  }
  if (!info["locales"].empty()) {
    line("locales", fmt::format("{}; `glossa languages` lists them", info["locales"].size()));
  }
  std::map<std::string, std::string> operations;  // by instruction set
  for (const auto& [operation, chosen] : info["kernels"].items()) {
    std::string& list = operations[chosen.get<std::string>()];
    list += (list.empty() ? "" : ", ") + operation;
  }
  first = true;
  for (const auto& [chosen, list] : operations) {
    line(first ? "kernels" : "", chosen + ": " + list);
    first = false;
  }
  return text;
}

int info(const InfoOptions& options) {
  const auto checkpoint = checkpoint::read_checkpoint(model_path(options.model));
  const ordered_json report = to_json(*checkpoint);
  print_to_stdout(options.json ? text::json_text(report, 2) + "\n" : to_text(report));
  return kDone;
}

}  // namespace

Command add_info(CLI::App& program) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command =
      program.add_subcommand("info", "What a checkpoint is: geometry, parameters, contexts, kernels");
  command
      ->add_option(
          "model", options->model.model,
          "A .nemo or .gguf file, or a folder of transformers (default: $GLOSSA_MODEL, else the bundled "
          "demo model)")
      ->type_name("");
  command->add_flag("--json", options->json, "JSON instead of text");
  return {command, [options] { return info(*options); }};
}

}  // namespace glossa::cli
