// `glossa evaluate`: error rates of a model on manifests with references, streamed as deployed.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>

#include "base/fail.h"
#include "base/log.h"
#include "base/number_formats.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_name.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/evaluation.h"
#include "cli/evaluation_output.h"
#include "cli/nemo_keys.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "cli/search_options.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  ModelOptions model;
  std::vector<std::string> words;  // NeMo's key=value
  std::vector<std::string> manifests;
  std::vector<std::string> contexts;
  std::vector<std::string> latencies;
  std::string target_lang = "manifest";
  std::vector<std::string> letter_languages = eval::default_letter_languages();
  SearchOptions search;
  BoostOptions boost;
  LmOptions lm;
  std::optional<int> final_silence_ms;
  bool fallback_to_auto = false;
  int batch_size = 8;
  std::string baseline;
  std::string report;
  std::string output_path;
  bool json = false;
  bool quiet = false;
};

constexpr const char* kEvaluateFooter =
    R"(A manifest has one JSON object per line: audio_filepath, text, and optionally target_lang, duration and
offset (seconds; only with it is the file cut to duration). Every entry needs a text; an entry whose sound or
language cannot be used is reported on stderr and left out of all figures, and the exit code is 3.

WER% is of normalised text (lower case, no punctuation; letters instead of words for zh, ja, th), raw WER% of
the text as it is, as NeMo prints it; language tags count in neither. The interval is by bootstrap over
utterances. Figures with the same configuration hash are of the same model, setting, scoring and data.
del% ins% sub% are the parts of WER%, and lost% the part of del% whose words are missing five or more
(letters: ten) in a row. Of utterances, empty% were heard as nothing, in loop% words come again and again, and
in false%, of those without speech, some were heard. lang%: told auto, whose language was named rightly.
lag s: sound between the end of the last word and the moment it was decoded, median. docs/evaluation.md has
each in full.

NeMo's words work, too: model_path= dataset_manifest= output_path= att_context_size= target_lang= batch_size=)";

std::string now_text() {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

// The parser takes "[56,3]" for a list of two values: they are put together again.
std::vector<AttContext> parse_att_contexts(const std::vector<std::string>& values) {
  std::vector<AttContext> contexts;
  for (auto value = values.begin(); value != values.end(); ++value) {
    const auto next = std::next(value);
    if (parse_int(*value) && next != values.end() && parse_int(*next)) {
      contexts.push_back(parse_att_context(*value + "," + *next, "--att-context-size"));
      value = next;
    } else {
      contexts.push_back(parse_att_context(*value, "--att-context-size"));
    }
  }
  return contexts;
}

class Evaluation {
 public:
  explicit Evaluation(const EvaluateOptions& options) : options_(options) {}

  int run() {
    check_options();
    for (const std::string& manifest : options_.manifests) {
      const std::vector<Input> inputs = inputs_of_manifest(manifest);
      inputs_.insert(inputs_.end(), inputs.begin(), inputs.end());
    }
    eval_utterances(inputs_, /*sample_rate=*/1);  // an entry without text is an error before any work
    const bool from_file = options_.baseline.ends_with(".jsonl") || options_.baseline.ends_with(".json");
    if (from_file) {
      baseline_results_ = read_results(options_.baseline, options_.letter_languages);
    } else if (!options_.baseline.empty()) {
      checkpoint::read_checkpoint(options_.baseline);  // its header
    }

    ModelOptions model = options_.model;
    model.model = model_path(model);
    if (!options_.output_path.empty()) check_writable(results_file(model));
    if (!options_.report.empty()) check_writable(options_.report);
    const EvaluationRun run = evaluate_model(model, "evaluating");
    report_unusable(run);
    // What fails costs itself alone: the baseline, a file, stdout. That one comes last, for a reader that has
    // gone ends the program.
    if (!options_.output_path.empty()) attempt([&] { write_results(run, results_file(model)); });
    std::optional<BaselineComparison> comparison;
    if (!options_.baseline.empty())
      attempt([&] { comparison = from_file ? compare_with_results(run) : compare_with_model(run); });
    const BaselineComparison* compared = comparison ? &*comparison : nullptr;
    if (!options_.report.empty()) {
      attempt([&] {
        write_file(options_.report,
                   evaluation_page(run, compared, options_.letter_languages, configuration(run, model)));
      });
    }
    attempt([&] {
      print_to_stdout(options_.json ? evaluation_json(run, compared)
                                    : format_scores(run) + format_phrases(run));
      if (!options_.json && compared != nullptr)
        print_to_stdout(format_comparison(*compared) + format_phrases(run, *compared));
    });
    if (failure_) std::rethrow_exception(failure_);
    return run.unusable() > 0 ? kUnusableInput : kDone;
  }

 private:
  // The first Error is kept for the end.
  void attempt(const std::function<void()>& what) {
    try {
      what();
    } catch (const Error&) {
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void check_options() const {
    if (options_.manifests.empty())
      fail_invalid_argument("nothing to evaluate (expected --dataset-manifest FILE, got none)");
    parse_att_contexts(options_.contexts);
    boosted_phrases(options_.boost);
    check(options_.search);
    check(options_.lm);
    if (!options_.baseline.empty() && !fs::exists(options_.baseline))
      fail_bad_input("{}: no such file (expected a model or results of glossa evaluate, from --baseline)",
                     options_.baseline);
  }

  fs::path results_file(const ModelOptions& model) const {
    return fs::path(options_.output_path) /
           fmt::format("evaluation_{}.jsonl", checkpoint::checkpoint_name(model.model));
  }

  EvaluationRun evaluate_model(const ModelOptions& model, const std::string& title) {
    const auto recognizer = load_recognizer(model, options_.quiet);
    EvaluationOptions evaluation;
    evaluation.att_contexts = parse_att_contexts(options_.contexts);
    for (const std::string& text : options_.latencies)
      evaluation.att_contexts.push_back(latency_context(text, recognizer->info(), "--latency"));
    if (options_.target_lang != "manifest") evaluation.target_lang = options_.target_lang;
    evaluation.fallback_to_auto = options_.fallback_to_auto;
    evaluation.batch_size = options_.batch_size;
    evaluation.max_symbols = options_.search.max_symbols;
    evaluation.beam_size = beam_size(options_.search);
    evaluation.settle_delay = settle_delay_seconds(options_.search);
    evaluation.boosted_phrases = boosted_phrases(options_.boost);
    evaluation.language_model = load_language_model(options_.lm, *recognizer);
    evaluation.final_silence = final_silence_seconds(options_.final_silence_ms);
    evaluation.lm_alpha = options_.lm.alpha;
    if (!options_.lm.file.empty()) evaluation.lm_hash = file_hash(options_.lm.file);
    evaluation.letter_languages = options_.letter_languages;
    evaluation.model_hash = checkpoint_hash(model.model);
    const auto utterances = eval_utterances(inputs_, recognizer->info().sample_rate);
    const std::size_t settings = std::max<std::size_t>(1, evaluation.att_contexts.size());
    Progress progress(title, static_cast<double>(utterances.size() * settings), options_.quiet);
    const auto start = std::chrono::steady_clock::now();
    return evaluate(*recognizer, utterances, evaluation, [&](double done, double seconds) {
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      progress.update(done, fmt::format("{:.1f}x real time", spent > 0 ? seconds / spent : 0));
    });
  }

  void report_unusable(const EvaluationRun& run) const {
    for (const eval::UtteranceResult& result : run.settings.front().utterances) {
      if (result.error.empty()) continue;
      const bool named = result.error.find(result.id) != std::string::npos;
      fmt::print(stderr, "glossa: {}{}\n", result.error, named ? "" : fmt::format(" (from {})", result.id));
    }
  }

  BaselineComparison compare_with_results(const EvaluationRun& run) {
    std::vector<std::vector<eval::UtteranceResult>> by_setting(run.settings.size());
    for (std::size_t index = 0; index < run.settings.size(); ++index) {
      for (const auto& [setting, result] : baseline_results_) {
        if (setting == run.settings[index].name) by_setting[index].push_back(result);
      }
      if (by_setting[index].empty())
        log::warning(fmt::format("{} has no results at {}", options_.baseline, run.settings[index].name));
    }
    return compare(run, fs::path(options_.baseline).stem().string(), std::move(by_setting),
                   options_.letter_languages);
  }

  BaselineComparison compare_with_model(const EvaluationRun& run) {
    ModelOptions model = options_.model;
    model.model = options_.baseline;
    EvaluationRun baseline = evaluate_model(model, "evaluating the baseline");
    std::vector<std::vector<eval::UtteranceResult>> by_setting(run.settings.size());
    for (std::size_t index = 0; index < run.settings.size(); ++index) {
      for (EvaluatedSetting& setting : baseline.settings) {
        if (setting.name == run.settings[index].name) by_setting[index] = setting.utterances;
      }
    }
    return compare(run, baseline.model.name, std::move(by_setting), options_.letter_languages);
  }

  std::vector<std::pair<std::string, std::string>> configuration(const EvaluationRun& run,
                                                                 const ModelOptions& model) const {
    std::string fingerprints;
    for (const EvaluatedSetting& setting : run.settings)
      fingerprints +=
          fmt::format("{}{} {}", fingerprints.empty() ? "" : ", ", setting.name, setting.fingerprint);
    std::vector<std::pair<std::string, std::string>> settings = {
        {"Model", model.model.string()},
        {"Parameters", fmt::format("{:.1f} million", static_cast<double>(run.model.parameters) / 1e6)},
        {"Weights, cache", fmt::format("{}, {}", name_of(run.model.weights), name_of(run.model.kv_cache))},
        {"Backend", fmt::format("{}, {} threads", run.model.backend, run.model.threads)},
        {"Data", fmt::format("{}", fmt::join(options_.manifests, ", "))},
        {"Target language",
         options_.target_lang == "manifest" ? "of each utterance, else auto" : options_.target_lang},
        {"Streaming", "exact, chunk by chunk, 80 ms of sound at a time"},
        {"Search", describe(options_.search)},
        {"Language model", options_.lm.file.empty()
                               ? "none"
                               : fmt::format("{}, weight {}", options_.lm.file.string(), options_.lm.alpha)},
        {"Silence behind the sound", fmt::format("{} s", final_silence_seconds(options_.final_silence_ms))},
        {"Scored by letters", fmt::format("{}", fmt::join(options_.letter_languages, ", "))},
        {"Configuration", fingerprints},
        {"Written", now_text()}};
    if (!options_.baseline.empty()) settings.insert(settings.begin() + 5, {"Baseline", options_.baseline});
    return settings;
  }

  const EvaluateOptions& options_;
  std::vector<Input> inputs_;
  std::exception_ptr failure_;
  std::vector<std::pair<std::string, eval::UtteranceResult>> baseline_results_;  // setting, result
};

// The options with what NeMo's words say.
EvaluateOptions with_nemo_keys(const CLI::App& command, EvaluateOptions options) {
  refuse_beside_nemo_keys(command, {"--model", "--dataset-manifest", "--output-path", "--att-context-size",
                                    "--latency", "--target-lang", "--batch-size", "--decoding", "--beam-size",
                                    "--settle-delay-ms", "--max-symbols", "--lm", "--lm-alpha"});
  const NemoKeys keys = parse_nemo_keys(options.words);
  if (keys.dataset_manifest.empty())
    fail_invalid_argument(
        "wrong input (expected dataset_manifest=, got audio_dir= or audio_file= without references)");
  if (keys.pad_and_drop_preencoded || keys.compare_vs_offline) {
    fail_invalid_argument(
        "pad_and_drop_preencoded= and compare_vs_offline= are of `glossa transcribe` (expected "
        "neither: evaluate streams exactly)");
  }
  if (!keys.not_used.empty())
    log::warning(fmt::format("glossa does not use {}", fmt::join(keys.not_used, ", ")));
  options.model.model = keys.model_path;
  options.manifests = {keys.dataset_manifest.string()};
  options.output_path = keys.output_path.string();
  if (keys.att_context_size)
    options.contexts = {fmt::format("{},{}", keys.att_context_size->left, keys.att_context_size->right)};
  options.target_lang = keys.target_lang;
  options.batch_size = keys.batch_size;
  options.search = search_options(keys);
  options.lm = lm_options(keys);
  if (!options.final_silence_ms) options.final_silence_ms = 0;  // NeMo hears none
  return options;
}

int evaluate_command(const CLI::App& command, const EvaluateOptions& options) {
  if (options.words.empty()) return Evaluation(options).run();
  const auto path = std::find_if_not(options.words.begin(), options.words.end(), is_key_value);
  if (path != options.words.end())
    fail_invalid_argument("unexpected word (expected --dataset-manifest FILE or NeMo's key=value, got {})",
                          *path);
  const EvaluateOptions with_keys = with_nemo_keys(command, options);
  return Evaluation(with_keys).run();
}

}  // namespace

Command add_evaluate(CLI::App& program) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = program.add_subcommand(
      "evaluate", "Error rates on manifests with references, per language and latency");
  command->footer(kEvaluateFooter);
  command->add_option("words", options->words, "NeMo's key=value words")->type_name("");
  add_model_options(*command, options->model);
  command->add_option("--dataset-manifest", options->manifests, "Manifests of JSON lines with text")
      ->type_name("FILE ...");
  command
      ->add_option("--att-context-size", options->contexts,
                   "Attention contexts to evaluate at, in encoder frames of 80 ms; also [L,R] (default: the "
                   "checkpoint's first)")
      ->type_name("L,R ...");
  command
      ->add_option("--latency", options->latencies,
                   "The same as lengths of a chunk, such as 80ms or 320ms; after the contexts when both are "
                   "given (default: none)")
      ->type_name("MS ...");
  command
      ->add_option(
          "--target-lang", options->target_lang,
          "What the model is told: manifest (each entry's target_lang, auto without), auto, or a code of "
          "`glossa languages`")
      ->type_name("auto|manifest|LANG")
      ->capture_default_str();
  command->add_flag(
      "--fallback-to-auto", options->fallback_to_auto,
      "Use auto for a language that the checkpoint does not have, instead of leaving the entry out");
  command
      ->add_option("--letter-languages", options->letter_languages,
                   "Languages scored by letters instead of words, separated by commas")
      ->type_name("LANG,...")
      ->delimiter(',')
      ->default_str(fmt::format("{}", fmt::join(options->letter_languages, ",")));
  add_search_options(*command, options->search);
  add_boost_options(*command, options->boost);
  add_lm_options(*command, options->lm);
  add_final_silence_option(*command, options->final_silence_ms, "; none with NeMo's words");
  command
      ->add_option("--batch-size", options->batch_size,
                   "Utterances recognised side by side; never changes a result")
      ->type_name("N")
      ->check(between(1, 4096))
      ->capture_default_str();
  command
      ->add_option("--baseline", options->baseline,
                   "Another system to compare with on the same utterances: a checkpoint, or the .jsonl that "
                   "--output-path gave")
      ->type_name("PATH");
  command->add_option("--report", options->report, "Write a page with scores, plots and samples")
      ->type_name("FILE.html");
  command
      ->add_option("--output-path", options->output_path,
                   "Folder for evaluation_MODEL.jsonl: one object for every utterance and setting")
      ->type_name("DIR");
  command->add_flag("--json", options->json, "One JSON object instead of tables");
  command->add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {command, [command, options] { return evaluate_command(*command, *options); }};
}

}  // namespace glossa::cli
