// `glossa data mix`: what a mixture's batches would be made of, without training.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "cli/data_commands.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "data/batch_sampler.h"
#include "data/cut_sources.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct MixCommand {
  DataOptions data;  // only --json and --quiet
  std::string mixture;
  data::SamplerOptions sampler;
  double batch_duration = 0;  // seconds; 0: not given
  double quadratic_duration = 0;
  int batch_size = 0;
  int batches = 1000;
};

struct SoundStream {
  std::string name;
  double weight = 0;      // of the sum of all
  std::int64_t cuts = 0;  // within the duration limits, as the hours
  double hours = 0;
  std::int64_t drawn = 0;
  double drawn_hours = 0;
};

struct Preview {
  std::vector<SoundStream> streams;
  std::map<std::string, std::pair<std::int64_t, double>> languages;  // drawn cuts and hours
  data::BatchSampler::Totals totals;
  std::int64_t batches = 0;
  std::int64_t drawn = 0;
  double drawn_hours = 0;
  double padded_hours = 0;   // of the batches as rectangles
  std::size_t smallest = 0;  // cuts of a batch
  std::size_t largest = 0;
  double longest_batch = 0;  // seconds, padded
  ordered_json first_batches = ordered_json::array();

  double padding() const { return padded_hours > 0 ? 1 - drawn_hours / padded_hours : 0; }
};

data::SamplerOptions sampler_options(const MixCommand& command) {
  data::SamplerOptions options = command.sampler;
  if (command.batch_size > 0) options.batch_size = command.batch_size;
  if (command.batch_duration > 0) options.batch_duration = command.batch_duration;
  if (command.quadratic_duration > 0) options.quadratic_duration = command.quadratic_duration;
  if (!options.batch_size && !options.batch_duration) options.batch_duration = 120;
  return options;
}

// A mixture is a file of YAML; anything else is one manifest.
std::vector<data::WeightedCuts> read_mixture(const std::string& mixture, const data::SourceOptions& options) {
  const fs::path path(mixture);
  const std::string extension = path.extension().string();
  if (extension == ".yaml" || extension == ".yml" || !fs::exists(path))
    return data::read_input_cfg(mixture, fs::current_path(), options);
  return {{.name = mixture, .weight = 1, .cuts = data::read_nemo_cuts(path, options)}};
}

Preview draw(const MixCommand& command) {
  constexpr std::size_t kShownBatches = 3;
  data::SourceOptions sources;
  sources.limits = {command.sampler.min_duration, command.sampler.max_duration};
  auto mixture = read_mixture(command.mixture, sources);
  Preview preview;
  // The sampler takes the streams for itself, and their cuts stay where they are.
  std::unordered_map<const data::Cut*, std::size_t> stream_of;
  double weights = 0;
  for (const data::WeightedCuts& stream : mixture) weights += stream.weight;
  for (const data::WeightedCuts& stream : mixture) {
    SoundStream& row = preview.streams.emplace_back();
    row.name = stream.name;
    row.weight = weights > 0 ? stream.weight / weights : 0;
    for (const data::Cut& cut : stream.cuts) {
      if (!sources.limits.hold(cut)) continue;
      ++row.cuts;
      row.hours += cut.duration / 3600;
      stream_of.emplace(&cut, preview.streams.size() - 1);
    }
  }
  data::BatchSampler sampler(std::move(mixture), sampler_options(command));
  preview.totals = sampler.totals();
  const InterruptGuard interrupt;
  Progress progress("drawing", command.batches, command.data.quiet);
  for (int index = 0; index < command.batches; ++index) {
    interrupt.check();
    const data::BatchPlan batch = sampler.next();
    if (batch.empty()) break;
    double longest = 0;
    ordered_json shown = ordered_json::array();
    for (const data::PlannedCut& planned : batch) {
      const data::Cut& cut = *planned.cut;
      longest = std::max(longest, cut.duration);
      SoundStream& stream = preview.streams[stream_of.at(planned.cut)];
      ++stream.drawn;
      stream.drawn_hours += cut.duration / 3600;
      auto& [cuts, hours] = preview.languages[cut.target_lang];
      ++cuts;
      hours += cut.duration / 3600;
      ++preview.drawn;
      preview.drawn_hours += cut.duration / 3600;
      shown.push_back({{"id", cut.id}, {"duration", cut.duration}, {"target_lang", cut.target_lang}});
    }
    const double padded = longest * static_cast<double>(batch.size());
    preview.padded_hours += padded / 3600;
    preview.longest_batch = std::max(preview.longest_batch, padded);
    preview.smallest = index == 0 ? batch.size() : std::min(preview.smallest, batch.size());
    preview.largest = std::max(preview.largest, batch.size());
    ++preview.batches;
    if (preview.first_batches.size() < kShownBatches) preview.first_batches.push_back(std::move(shown));
    progress.update(index + 1, fmt::format("{} of {} batches", index + 1, command.batches));
  }
  return preview;
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// How often a stream's sound has been seen.
double epochs(const SoundStream& stream) { return share(stream.drawn_hours, stream.hours); }

std::string to_json(const Preview& preview) {
  ordered_json streams = ordered_json::array();
  for (const SoundStream& stream : preview.streams) {
    streams.push_back({{"name", stream.name},
                       {"weight", stream.weight},
                       {"cuts", stream.cuts},
                       {"hours", stream.hours},
                       {"drawn_cuts", stream.drawn},
                       {"drawn_hours", stream.drawn_hours},
                       {"share_of_hours", share(stream.drawn_hours, preview.drawn_hours)},
                       {"epochs", epochs(stream)}});
  }
  ordered_json languages = ordered_json::array();
  for (const auto& [lang, drawn] : preview.languages) {
    languages.push_back({{"target_lang", lang.empty() ? ordered_json() : ordered_json(lang)},
                         {"drawn_cuts", drawn.first},
                         {"drawn_hours", drawn.second}});
  }
  const ordered_json report = {{"cuts", preview.totals.cuts},
                               {"hours", preview.totals.hours},
                               {"too_short", preview.totals.too_short},
                               {"too_long", preview.totals.too_long},
                               {"hours_left_out", preview.totals.hours_left_out},
                               {"batches", preview.batches},
                               {"drawn_cuts", preview.drawn},
                               {"drawn_hours", preview.drawn_hours},
                               {"padding", preview.padding()},
                               {"smallest_batch", preview.smallest},
                               {"largest_batch", preview.largest},
                               {"longest_batch_seconds", preview.longest_batch},
                               {"streams", streams},
                               {"languages", languages},
                               {"first_batches", preview.first_batches}};
  return text::json_text(report, 2) + "\n";
}

std::string to_text(const Preview& preview) {
  std::string text =
      fmt::format("{}, {:.3f} hours", counted(preview.totals.cuts, "cut"), preview.totals.hours);
  if (preview.totals.too_short + preview.totals.too_long > 0) {
    text += fmt::format("; left out: {} too short, {} too long, {:.3f} hours", preview.totals.too_short,
                        preview.totals.too_long, preview.totals.hours_left_out);
  }
  text += fmt::format(
      "\n{} of {} to {} cuts, at most {:.1f} s with padding, {:.1f} % of it padding\n\n"
      "{:<40} {:>7} {:>8} {:>9} {:>9} {:>7} {:>7}\n",
      preview.batches == 1 ? "1 batch" : fmt::format("{} batches", preview.batches), preview.smallest,
      preview.largest, preview.longest_batch, 100 * preview.padding(), "stream", "weight", "cuts", "hours",
      "drawn", "share", "epochs");
  for (const SoundStream& stream : preview.streams) {
    text += fmt::format("{:<40} {:>7.4f} {:>8} {:>9.3f} {:>9} {:>5.1f} % {:>7.2f}\n", stream.name,
                        stream.weight, stream.cuts, stream.hours, stream.drawn,
                        100 * share(stream.drawn_hours, preview.drawn_hours), epochs(stream));
  }
  text += fmt::format("\n{:<40} {:>9} {:>9} {:>7}\n", "language", "drawn", "hours", "share");
  for (const auto& [lang, drawn] : preview.languages) {
    text += fmt::format("{:<40} {:>9} {:>9.3f} {:>5.1f} %\n", lang.empty() ? "(none)" : lang, drawn.first,
                        drawn.second, 100 * share(drawn.second, preview.drawn_hours));
  }
  return text;
}

int mix(const MixCommand& command) {
  const Preview preview = draw(command);
  print_to_stdout(command.data.json ? to_json(preview) : to_text(preview));
  return kDone;
}

}  // namespace

Command add_data_mix(CLI::App& data) {
  auto options = std::make_shared<MixCommand>();
  CLI::App* command = data.add_subcommand("mix", "Draw batches of a mixture and count what they are made of");
  command->footer(
      "Reads metadata only. The batches are those of a training run with the same limits and seed, but for "
      "glossa.join,\n"
      "which is not looked at. \"share\" is of the drawn hours, \"epochs\" how often a stream's hours have "
      "been seen.");
  command
      ->add_option("mixture", options->mixture,
                   "A YAML file with an input_cfg list, the list itself, or a manifest")
      ->required()
      ->type_name("");
  command->add_option("--batches", options->batches, "Batches to draw")
      ->check(between(1, 10'000'000))
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--batch-duration", options->batch_duration,
                   "Seconds of a batch with its padding (default: 120, without --batch-size)")
      ->check(above_zero())
      ->type_name("SECONDS");
  command
      ->add_option("--quadratic-duration", options->quadratic_duration,
                   "Seconds from which long cuts weigh double (default: none do)")
      ->check(above_zero())
      ->type_name("SECONDS");
  command->add_option("--batch-size", options->batch_size, "Cuts of a batch at most (default: any number)")
      ->check(between(1, 1'000'000))
      ->type_name("N");
  command->add_option("--min-duration", options->sampler.min_duration, "Leave out shorter cuts (default: 0)")
      ->check(zero_or_more())
      ->type_name("SECONDS");
  command
      ->add_option("--max-duration", options->sampler.max_duration, "Leave out longer cuts (default: none)")
      ->check(above_zero())
      ->type_name("SECONDS");
  command
      ->add_option("--bucket-duration-bins", options->sampler.bucket_duration_bins,
                   "Upper bounds of the buckets, as `glossa data stats` suggests them (default: 30 buckets "
                   "of as many cuts)")
      ->delimiter(',')
      ->type_name("SECONDS,...");
  command->add_option("--seed", options->sampler.seed, "Of the draws")->capture_default_str()->type_name("N");
  add_json_and_quiet(*command, options->data);
  return {command, [options] { return mix(*options); }};
}

}  // namespace glossa::cli
