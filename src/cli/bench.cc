// `glossa bench`: what this machine does with a model, beside what it could do at most.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "base/log.h"
#include "bench/synthetic_speech.h"
#include "checkpoint/checkpoint.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct BenchOptions {
  ModelOptions model;
  std::vector<std::string> contexts;
  std::vector<std::string> sections = {"chunk", "live", "offline", "start", "memory"};
  fs::path audio;
  std::string streams = "max";
  int seconds = 60;
  int beam_size = 1;
  bool profile = false;
  bool json = false;
  bool quiet = false;
  std::string probe;  // start or memory: this process is a child of a benchmark
};

constexpr const char* kFooter =
    R"(Sections: chunk: latency of a step when the sound is there; live: how many streams hold when sound
arrives in real time; offline: one long recording; start: from exec to the first output, without and
with packed weights, from disk and from the page cache; memory: of a process with one stream and more.
The floor of a figure is what this machine allows, measured in the same run: a step cannot be faster
than reading its weights once, nor than its multiply-adds at the peak rate. What memory gives changes
with other users of the machine: chunk measures it between its steps (GB/s, of the fastest tenth). live
looks for the largest number of streams at the shortest, a middle and the longest chunk unless
--att-context-size is given.)";

class Benchmark {
 public:
  explicit Benchmark(const BenchOptions& options)
      : options_(options), report_(options.json), status_(options.quiet) {}

  int run() {
    for (const std::string& text : options_.contexts) {
      if (text != "mixed") parse_att_context(text, "--att-context-size");
    }
    if (options_.streams != "max") streams_ = parse_int(options_.streams);
    if (options_.model.threads > bench::usable_cores()) {
      log::warning(fmt::format("{} threads on {} cores: figures will waver", options_.model.threads,
                               bench::usable_cores()));
    }
    recognizer_ = load_recognizer(options_.model, options_.quiet);
    settings_ = settings();
    for (const bench::Setting& setting : settings_) {
      for (const AttContext& context : setting.contexts)
        recognizer_->create_stream(
            {.att_context = context, .beam_size = setting.beam_size});  // an error before any work
    }
    sound_ = sound();

    const ModelInfo info = recognizer_->info();
    const engine::StepCost cost = engine::step_cost(*recognizer_);
    status_.show("measuring the machine");
    const bench::MachineCeiling machine = bench::measure_machine(info.threads);
    status_.clear();
    report_.add_machine(machine);
    report_.add_model(model_path(options_.model), info, cost);
    report_.add_sound(options_.audio.empty() ? "synthetic" : options_.audio.string(),
                      static_cast<double>(sound_.size()) / info.sample_rate);
    const bench::Floor floor(machine, cost, info.weights);

    if (wants("chunk")) measure_chunks(floor);
    if (wants("live")) measure_live(floor);
    if (wants("offline")) {
      status_.show("offline");
      const auto offline = bench::measure_offline(*recognizer_, shortest_and_longest().second,
                                                  options_.beam_size, sound_, floor);
      status_.clear();
      report_.add(offline);
    }
    if (options_.profile) measure_stages();
    // The children are measured while nothing of the model is mapped here.
    recognizer_.reset();
    const AttContext context = shortest_and_longest().first;
    if (wants("start")) measure_start(info, context, floor);
    if (wants("memory")) {
      status_.show("memory");
      const auto use = bench::memory_use(
          bench::run_probe(probe_arguments("memory", context, options_.model.weight_cache)));
      status_.clear();
      report_.add(use, context, cost.weight_bytes);
    }
    report_.finish();
    return kDone;
  }

 private:
  bool wants(std::string_view section) const {
    return std::find(options_.sections.begin(), options_.sections.end(), section) != options_.sections.end();
  }

  // As asked for, else the checkpoint's, the shortest chunks first, and all of them together.
  std::vector<bench::Setting> settings() const {
    std::vector<AttContext> contexts = recognizer_->info().att_contexts;
    const auto by_chunk = [](const AttContext& a, const AttContext& b) { return a.right < b.right; };
    std::stable_sort(contexts.begin(), contexts.end(), by_chunk);
    std::vector<bench::Setting> settings;
    if (options_.contexts.empty()) {
      for (const AttContext& context : contexts) settings.push_back({{context}, options_.beam_size});
      if (contexts.size() > 1) settings.push_back({contexts, options_.beam_size});
    }
    for (const std::string& text : options_.contexts) {
      if (text == "mixed") {
        settings.push_back({contexts, options_.beam_size});
      } else {
        settings.push_back({{parse_att_context(text, "--att-context-size")}, options_.beam_size});
      }
    }
    return settings;
  }

  std::pair<AttContext, AttContext> shortest_and_longest() const {
    const auto by_chunk = [](const AttContext& a, const AttContext& b) { return a.right < b.right; };
    std::vector<AttContext> all;
    for (const bench::Setting& setting : settings_)
      all.insert(all.end(), setting.contexts.begin(), setting.contexts.end());
    const auto [shortest, longest] = std::minmax_element(all.begin(), all.end(), by_chunk);
    return {*shortest, *longest};
  }

  std::vector<float> sound() const {
    const int rate = recognizer_->info().sample_rate;
    if (options_.audio.empty()) {
      constexpr int kShortest = 10;  // seconds
      constexpr int kLongest = 120;
      return bench::synthetic_speech(std::clamp(options_.seconds, kShortest, kLongest), rate, 1);
    }
    std::vector<float> samples = audio::read_audio(options_.audio, rate).samples;
    if (samples.empty()) fail_bad_input("{}: no sound (from --audio)", options_.audio.string());
    return samples;
  }

  void measure_chunks(const bench::Floor& floor) {
    const double seconds = options_.seconds / 15.0;
    bench::ReadProbe probe(recognizer_->info().threads);
    for (const bench::Setting& setting : settings_) {
      const bool mixed = setting.contexts.size() > 1;
      const auto contexts = static_cast<int>(setting.contexts.size());
      std::vector<int> counts = {mixed ? contexts : 1, 8};
      if (streams_) counts = {*streams_};
      if (mixed) counts.resize(1);
      for (const int count : counts) {
        status_.show(fmt::format("chunk latency: {}, {} streams", setting.name(), count));
        const auto chunk =
            bench::measure_chunk_latency(*recognizer_, setting, count, seconds, sound_, floor, probe);
        status_.clear();
        report_.add(chunk);
      }
    }
  }

  void measure_live(const bench::Floor& floor) {
    std::vector<bench::Setting> settings = settings_;
    if (options_.contexts.empty()) {
      std::erase_if(settings, [](const bench::Setting& setting) { return setting.contexts.size() > 1; });
      if (settings.size() > 3) settings = {settings.front(), settings[settings.size() / 2], settings.back()};
    }
    for (const bench::Setting& setting : settings) {
      status_.show(fmt::format("live streams: {}", setting.name()));
      const auto live = bench::measure_live_streams(
          *recognizer_, setting,
          {.seconds = static_cast<double>(options_.seconds),
           .streams = streams_,
           .on_run =
               [&](const bench::LiveRun& run) {
                 status_.show(fmt::format("live streams: {}: {} {} (p95 {:.0f} % of a chunk)", setting.name(),
                                          run.streams, run.holds() ? "hold" : "are too many",
                                          100 * run.p95_of_chunk));
               }},
          sound_, floor);
      status_.clear();
      report_.add(live);
    }
  }

  void measure_stages() {
    for (const bench::Setting& setting : settings_) {
      const auto contexts = static_cast<int>(setting.contexts.size());
      status_.show(fmt::format("stages: {}", setting.name()));
      const auto profile = bench::measure_stages(*recognizer_, setting, streams_.value_or(contexts),
                                                 options_.seconds / 20.0, sound_);
      status_.clear();
      report_.add(profile);
    }
  }

  void measure_start(const ModelInfo& info, AttContext context, const bench::Floor& floor) {
    status_.show("start");
    const InterruptGuard interrupt;  // so that the folder of packed weights does not stay behind
    const auto probe = [&](const fs::path& folder) {
      try {
        const auto values = bench::run_probe(probe_arguments("start", context, folder.string()));
        interrupt.check();
        return values;
      } catch (const Error&) {
        interrupt.check();
        throw;
      }
    };
    const fs::path model = model_path(options_.model);
    const auto starts = bench::measure_start_up({.model = model,
                                                 .model_files = checkpoint::checkpoint_files(model),
                                                 .packs = info.weights != WeightFormat::kF32,
                                                 .probe = probe});
    status_.clear();
    report_.add(starts, context, floor.step_seconds(0));
  }

  std::vector<std::string> probe_arguments(const std::string& probe, AttContext context,
                                           const std::string& weight_cache) const {
    return {"bench",
            "--quiet",
            "--probe",
            probe,
            "--model",
            model_path(options_.model).string(),
            "--threads",
            fmt::format("{}", options_.model.threads),
            "--weights",
            options_.model.weights,
            "--kv-cache",
            options_.model.kv_cache,
            "--weight-cache",
            weight_cache,
            "--backend",
            options_.model.backend,
            "--att-context-size",
            fmt::format("{},{}", context.left, context.right)};
  }

  const BenchOptions& options_;
  BenchReport report_;
  StatusLine status_;
  std::optional<int> streams_;
  std::shared_ptr<const Recognizer> recognizer_;
  std::vector<bench::Setting> settings_;
  std::vector<float> sound_;
};

int run_as_probe(const BenchOptions& options) {
  const AttContext context = parse_att_context(options.contexts.at(0), "--att-context-size");
  const RecognizerOptions recognizer = recognizer_options(options.model);
  const auto values = options.probe == "start" ? bench::probe_start(recognizer, context)
                                               : bench::probe_memory(recognizer, context);
  print_to_stdout(bench::format_probe(values));
  return kDone;
}

ValueCheck count_or_max() {
  return [](const std::string& text) { return text == "max" ? std::string() : between(1, 10'000)(text); };
}

}  // namespace

Command add_bench(CLI::App& program) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = program.add_subcommand("bench", "Speed and memory here, beside the machine's limits");
  command->footer(kFooter);
  add_model_options(*command, options->model);
  command
      ->add_option(
          "--att-context-size", options->contexts,
          "Attention context in encoder frames of 80 ms; also [L,R], and may be given several times. "
          "mixed: streams take the checkpoint's in turn (default: each of the checkpoint's, and mixed)")
      ->allow_extra_args(false)  // else CLI11 takes [56,3] apart
      ->type_name("L,R");
  command
      ->add_option("--sections", options->sections,
                   "What to measure, separated by commas (default: chunk,live,offline,start,memory)")
      ->delimiter(',')
      ->type_name("LIST")
      ->check(one_of({"chunk", "live", "offline", "start", "memory"}));
  command
      ->add_option("--seconds", options->seconds,
                   "Length of a live run that counts; figures of other sections take a part of it each")
      ->type_name("S")
      ->check(between(1, 86'400))
      ->capture_default_str();
  command
      ->add_option("--beam-size", options->beam_size,
                   "Hypotheses of beam search in chunk, live and offline; 1: greedy search")
      ->type_name("N")
      ->check(between(1, kMostBeam))
      ->capture_default_str();
  command
      ->add_option("--streams", options->streams,
                   "That many streams; max: 1 and 8 for chunk, the largest number that holds for live")
      ->type_name("N|max")
      ->check(count_or_max())
      ->capture_default_str();
  command->add_option("--audio", options->audio, "Sound to recognise (default: synthetic)")
      ->type_name("FILE");
  command->add_flag("--profile", options->profile, "Where the time of a step goes, by stage");
  command->add_flag("--json", options->json, "One JSON document instead of tables");
  command->add_flag("--quiet", options->quiet, "No progress on stderr");
  command->add_option("--probe", options->probe, "start or memory: measure this process for a benchmark")
      ->check(one_of({"start", "memory"}))
      ->group("");
  return {command,
          [options] { return options->probe.empty() ? Benchmark(*options).run() : run_as_probe(*options); }};
}

}  // namespace glossa::cli
