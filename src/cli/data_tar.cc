// `glossa data tar`: manifests and their sounds into tarred shards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/data_commands.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "data/shard_writer.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

struct TarCommand {
  DataOptions data;
  data::ShardOptions shards;
  std::string codec = "keep";
  std::uint64_t seed = 0;
  const CLI::Option* shuffle = nullptr;
};

std::string pattern(const char* name, int shards, const char* extension) {
  return shards == 1 ? fmt::format("{}_0{}", name, extension)
                     : fmt::format("{}__OP_0..{}_CL_{}", name, shards - 1, extension);
}

void print(const data::ShardReport& report, const TarCommand& command) {
  const auto& folder = command.shards.folder;
  const std::string tars = (folder / pattern("audio", command.shards.shards, ".tar")).string();
  const std::string manifests =
      (folder / "sharded_manifests" / pattern("manifest", command.shards.shards, ".json")).string();
  if (command.data.json) {
    const ordered_json json = {{"lines", report.lines},          {"hours", report.hours},
                               {"left_out", report.left_out},    {"hours_left_out", report.hours_left_out},
                               {"bytes", report.bytes},          {"lines_per_shard", report.lines_per_shard},
                               {"tarred_audio_filepaths", tars}, {"manifest_filepath", manifests}};
    print_to_stdout(text::json_text(json, 2) + "\n");
    return;
  }
  std::string text =
      fmt::format("{}, {:.3f} hours in {}, {:.1f} MB\n", counted(report.lines, "line"), report.hours,
                  counted(command.shards.shards, "shard"), static_cast<double>(report.bytes) / 1e6);
  if (report.left_out > 0) {
    text += fmt::format("{} of {:.3f} hours left out by their duration\n", counted(report.left_out, "line"),
                        report.hours_left_out);
  }
  print_to_stdout(text + fmt::format("tarred_audio_filepaths={}\nmanifest_filepath={}\n", tars, manifests));
}

int tar(TarCommand& command) {
  const auto manifests = read_manifests(command.data.manifests);
  if (command.shuffle->count() > 0) command.shards.shuffle_seed = command.seed;
  command.shards.codec = command.codec == "flac" ? data::ShardCodec::kFlac : data::ShardCodec::kKeep;
  const InterruptGuard interrupt;
  Progress progress("packing", 1, command.data.quiet);
  command.shards.progress = [&](std::int64_t done, std::int64_t lines) {
    interrupt.check();
    progress.update(static_cast<double>(done) / static_cast<double>(lines),
                    fmt::format("{} of {} lines", done, lines));
  };
  const ThreadPool pool(command.data.threads);
  const data::ShardReport report = data::write_shards(manifests, command.shards, pool);
  progress.clear();
  print(report, command);
  return kDone;
}

}  // namespace

Command add_data_tar(CLI::App& data) {
  auto options = std::make_shared<TarCommand>();
  CLI::App* command = data.add_subcommand("tar", "Pack manifests and their sounds into tarred shards");
  command->footer(
      "Writes NeMo's layout: audio_<i>.tar, sharded_manifests/manifest_<i>.json, tarred_audio_manifest.json "
      "and\n"
      "metadata.yaml. All keys of a line are kept. A line with an offset is cut out and encoded anew, 16 "
      "bits mono.\n"
      "Nothing is left behind when the work ends early.");
  add_manifests(*command, options->data);
  command->add_option("--output", options->shards.folder, "Folder of the shards")
      ->required()
      ->type_name("FOLDER");
  command->add_option("--num-shards", options->shards.shards, "Tars to write")
      ->required()
      ->check(between(1, 1'000'000))
      ->type_name("N");
  options->shuffle =
      command
          ->add_option("--shuffle", options->seed, "Shuffle the lines with this seed (default: their order)")
          ->type_name("SEED");
  command
      ->add_option("--min-duration", options->shards.min_duration, "Leave out what is shorter (default: 0)")
      ->check(zero_or_more())
      ->type_name("SECONDS");
  command
      ->add_option("--max-duration", options->shards.max_duration,
                   "Leave out what is as long or longer (default: none)")
      ->check(above_zero())
      ->type_name("SECONDS");
  command
      ->add_option("--codec", options->codec,
                   "keep: files as they are; flac: encoded anew, 16 bits mono, lossless for such sounds")
      ->check(one_of({"keep", "flac"}))
      ->capture_default_str()
      ->type_name("CODEC");
  command->add_flag("--overwrite", options->shards.overwrite,
                    "Replace shards that are already in the folder");
  add_threads(*command, options->data);
  add_json_and_quiet(*command, options->data);
  return {command, [options] { return tar(*options); }};
}

}  // namespace glossa::cli
