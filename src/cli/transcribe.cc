// `glossa transcribe`: files, folders, manifests and live PCM to text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/inputs.h"
#include "cli/nemo_keys.h"
#include "cli/option_values.h"
#include "cli/output_writer.h"
#include "cli/partial_printer.h"
#include "cli/progress.h"
#include "cli/stdin_audio.h"
#include "cli/transcribe_nemo.h"
#include "cli/transcriber.h"
#include "eval/language_code.h"

namespace glossa::cli {
namespace {

struct TranscribeOptions {
  ModelOptions model;
  RecognitionOptions recognition;
  std::vector<std::string> words;  // inputs, or NeMo's key=value
  std::string dataset_manifest;
  std::string format = "text";
  std::string output_path;
  int batch_size = 8;
  int n_best = 1;
  int num_shards = 1;
  int shard_index = 0;
  bool json = false;
  bool recursive = false;
  bool separate_channels = false;
  bool partials = false;
  std::string draft_latency;  // "80ms"; empty: no draft
  bool quiet = false;
  int stdin_rate = 16000;  // Hz
  std::string stdin_format = "s16le";
};

constexpr const char* kTranscribeFooter =
    R"(Inputs are files (wav, flac, ogg, opus, mp3; anything ffmpeg reads when it is installed),
folders, or - for raw mono PCM (or one wav, flac or ogg file) on stdin. Results go to stdout in
the order of the inputs; with several inputs each text line begins with the path and a tab. A file
that cannot be used is reported on stderr, the others are transcribed, and the exit code is 3.

A manifest has one JSON object per line: audio_filepath and optionally text, duration, target_lang
(used unless --target-lang is given) and offset (seconds; only with it is the file cut to duration).

NeMo's words work, too, with its names and its results (--streaming defaults to nemo-buffer then):
  glossa transcribe model_path=M.nemo dataset_manifest=F.json output_path=D target_lang=es-ES \
      att_context_size="[56,3]" strip_lang_tags=true)";

class Transcription {
 public:
  explicit Transcription(const TranscribeOptions& options) : options_(options) {}

  int run() {
    const OutputFormat format = options_.json ? OutputFormat::kJson : parse_output_format(options_.format);
    if (options_.partials && format != OutputFormat::kText && format != OutputFormat::kJson) {
      fail_invalid_argument("--partials needs --format text or json (got {})", options_.format);
    }
    if (!options_.draft_latency.empty() && !options_.partials)
      fail_invalid_argument("--draft-latency is of --partials: a draft is settled in the end");
    if (options_.shard_index >= options_.num_shards)
      fail_invalid_argument("--shard-index is {}, expected 0 to {} (--num-shards is {})",
                            options_.shard_index, options_.num_shards - 1, options_.num_shards);
    if (options_.n_best > 1 && format != OutputFormat::kJson)
      fail_invalid_argument("--n-best needs --format json (got {})", options_.format);
    if (options_.n_best > beam_size(options_.recognition.search)) {
      fail_invalid_argument("--n-best is {}, expected at most {}: the hypotheses that the search keeps",
                            options_.n_best, beam_size(options_.recognition.search));
    }
    if (options_.separate_channels && options_.partials)
      fail_invalid_argument("--separate-channels is of files: --partials prints one growing text");
    pcm_format_ = parse_pcm_format(options_.stdin_format);
    check(options_.recognition);
    inputs_ = collect();
    several_ = inputs_.size() > 1;
    if (options_.separate_channels && std::ranges::any_of(inputs_, &Input::is_stdin))
      fail_invalid_argument("--separate-channels is of files: sound on stdin is one stream");
    OutputWriter writer(format, options_.output_path, several_);
    if (options_.num_shards > 1) take_shard(writer);
    recognizer_ = load_recognizer(options_.model, quiet());
    batch_.stream = stream_options(options_.recognition, *recognizer_);
    if (!options_.draft_latency.empty()) {
      batch_.stream.draft_att_context =
          latency_context(options_.draft_latency, recognizer_->info(), "--draft-latency");
    }
    batch_.batch_size = options_.batch_size;
    batch_.n_best = options_.n_best;
    if (options_.separate_channels) batch_.channels = audio::ChannelUse::kSeparate;
    batch_.use_entry_language = options_.recognition.target_lang.empty();
    StreamOptions trial = batch_.stream;  // a wrong option is an error before any work
    if (batch_.use_entry_language) trial.target_lang = eval::any_language(recognizer_->info());
    recognizer_->create_stream(trial);

    // What comes live is transcribed alone, everything between in batches.
    const auto is_live = [&](const Input& input) { return options_.partials || input.is_stdin(); };
    Progress progress("transcribing", static_cast<double>(std::max<std::size_t>(inputs_.size(), 1)), quiet());
    for (auto input = inputs_.begin(); input != inputs_.end();) {
      if (is_live(*input)) {
        transcribe_one_live(*input++, writer, format);
        continue;
      }
      const auto end = std::find_if(input, inputs_.end(), is_live);
      transcribe_files({input, end}, writer, progress);
      input = end;
    }
    if (failures_ > 0 && several_) {
      fmt::print(stderr, "glossa: {} of {} inputs could not be used\n", failures_, inputs_.size());
    }
    return failures_ > 0 ? kUnusableInput : kDone;
  }

 private:
  bool quiet() const { return options_.quiet || options_.partials; }

  std::vector<Input> collect() const {
    if (options_.dataset_manifest.empty() == options_.words.empty()) {
      fail_invalid_argument(
          "wrong input (expected sound files, folders, - for stdin, or --dataset-manifest FILE, got {})",
          options_.words.empty() ? "nothing" : "both");
    }
    if (!options_.dataset_manifest.empty()) return inputs_of_manifest(options_.dataset_manifest);
    return collect_inputs(options_.words, options_.recursive);
  }

  // Every N-th input from the I-th on. Files are named as one machine with all of them would.
  void take_shard(OutputWriter& writer) {
    writer.plan(inputs_);
    std::vector<Input> mine;
    for (auto at = static_cast<std::size_t>(options_.shard_index); at < inputs_.size();
         at += static_cast<std::size_t>(options_.num_shards))
      mine.push_back(std::move(inputs_[at]));
    inputs_ = std::move(mine);
  }

  void report(const Input& input, const std::string& error) {
    const bool named = error.find(input.name) != std::string::npos;
    fmt::print(stderr, "glossa: {}{}\n", error, named ? "" : fmt::format(" (from {})", input.name));
    ++failures_;
  }

  void transcribe_files(std::span<const Input> inputs, OutputWriter& writer, Progress& progress) {
    const auto before = static_cast<double>(&inputs.front() - inputs_.data());
    const auto start = std::chrono::steady_clock::now();
    BatchEvents events;
    events.recognized = [&](const Input& input, std::span<const Recognition> channels) {
      progress.clear();
      if (options_.separate_channels)
        writer.write_conversation(input, channels);
      else
        writer.write(input, channels.front());
    };
    events.failed = [&](const Input& input, const std::string& error) {
      progress.clear();
      report(input, error);
    };
    events.progressed = [&](double done, double seconds) {
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      progress.update(before + done, fmt::format("{:.1f}x real time", spent > 0 ? seconds / spent : 0));
    };
    transcribe_batches(*recognizer_, inputs, batch_, events);
  }

  void transcribe_one_live(const Input& input, OutputWriter& writer, OutputFormat format) {
    const PartialPrinter printer(format, several_);
    const auto changed = [&](const Recognition& recognition) {
      if (options_.partials) printer.print(recognition);
    };
    StreamOptions stream = batch_.stream;
    if (batch_.use_entry_language && recognizer_->info().has_prompt && input.target_lang)
      stream.target_lang = *input.target_lang;
    try {
      std::optional<StdinAudio> from_stdin;
      if (input.is_stdin())
        from_stdin.emplace(pcm_format_, options_.stdin_rate, recognizer_->info().sample_rate);
      const SampleSource source = from_stdin ? [&] { return from_stdin->next(); } : source_of(input);
      const std::string name = input.is_stdin() ? "-" : input.audio.string();
      const Recognition recognition =
          transcribe_live(*recognizer_, stream, options_.n_best, name, source, changed);
      printer.clear();
      writer.write(input, recognition);
      if (from_stdin) from_stdin->check_whole();  // what came is told before
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      printer.clear();
      report(input, error.what());
    }
  }

  SampleSource source_of(const Input& input) const {
    const int rate = recognizer_->info().sample_rate;
    constexpr double kSlice = 0.08;  // seconds: an encoder frame
    const auto slice = static_cast<std::size_t>(kSlice * rate);
    return [samples = InputReader(rate).read(input), slice,
            at = std::size_t{0}]() mutable -> std::optional<std::vector<float>> {
      if (at >= samples.size()) return std::nullopt;
      const std::size_t end = std::min(at + slice, samples.size());
      std::vector<float> part(samples.begin() + static_cast<std::ptrdiff_t>(at),
                              samples.begin() + static_cast<std::ptrdiff_t>(end));
      at = end;
      return part;
    };
  }

  const TranscribeOptions& options_;
  PcmFormat pcm_format_ = PcmFormat::kS16Le;
  std::vector<Input> inputs_;
  bool several_ = false;  // inputs, those of other shards included
  std::shared_ptr<const Recognizer> recognizer_;
  BatchOptions batch_;
  int failures_ = 0;
};

int transcribe(const CLI::App& command, const TranscribeOptions& options) {
  const auto keys = std::count_if(options.words.begin(), options.words.end(), is_key_value);
  if (keys == 0) return Transcription(options).run();
  refuse_beside_nemo_keys(command, {"--target-lang",
                                    "--att-context-size",
                                    "--latency",
                                    "--max-symbols",
                                    "--keep-lang-tags",
                                    "--dataset-manifest",
                                    "--output-path",
                                    "--boost",
                                    "--boost-file",
                                    "--boost-score",
                                    "--lm",
                                    "--lm-alpha",
                                    "--final-silence-ms",
                                    "--batch-size",
                                    "--format",
                                    "--json",
                                    "--partials",
                                    "--draft-latency",
                                    "--fallback-to-auto",
                                    "--recursive",
                                    "--separate-channels",
                                    "--stdin-rate",
                                    "--stdin-format",
                                    "--shard-index",
                                    "--num-shards",
                                    "--decoding",
                                    "--beam-size",
                                    "--settle-delay-ms",
                                    "--n-best"});
  if (static_cast<std::size_t>(keys) != options.words.size()) {
    const auto path = std::find_if_not(options.words.begin(), options.words.end(), is_key_value);
    fail_invalid_argument(
        "paths cannot be mixed with key=value words (expected audio_file=, audio_dir= or "
        "dataset_manifest=, got {})",
        *path);
  }
  const std::string streaming = command.count("--streaming") > 0 ? options.recognition.streaming : "";
  return transcribe_as_nemo(parse_nemo_keys(options.words), options.model, streaming, options.quiet);
}

}  // namespace

Command add_transcribe(CLI::App& program) {
  auto options = std::make_shared<TranscribeOptions>();
  CLI::App* command =
      program.add_subcommand("transcribe", "Speech to text: files, folders, manifests, live sound");
  command->footer(kTranscribeFooter);
  command
      ->add_option("inputs", options->words, "Sound files, folders, - for stdin; or NeMo's key=value words")
      ->type_name("");
  add_model_options(*command, options->model);
  add_recognition_options(*command, options->recognition);
  command->add_option("--dataset-manifest", options->dataset_manifest, "Inputs from a manifest of JSON lines")
      ->type_name("FILE");
  command->add_flag("--recursive", options->recursive, "Look into the folders below a folder, too");
  command->add_flag(
      "--separate-channels", options->separate_channels,
      "Each channel of a recording by itself, for calls with a speaker on each: at most 8. Text, "
      "subtitles and JSON tell which channel said what, from 1 on. Else the mean of all is heard");
  command->add_option("--format", options->format, "text, json (one object per line), srt or vtt")
      ->type_name("FORMAT")
      ->capture_default_str();
  command->add_flag("--json", options->json, "The same as --format json");
  command
      ->add_option("--output-path", options->output_path, "Folder for one file per input, instead of stdout")
      ->type_name("DIR");
  command
      ->add_option("--batch-size", options->batch_size,
                   "Inputs recognised side by side; never changes a text, except as it does in NeMo with "
                   "--streaming nemo-buffer or uniform")
      ->type_name("N")
      ->check(between(1, 4096))
      ->capture_default_str();
  command
      ->add_option("--num-shards", options->num_shards,
                   "Machines that share the inputs: each is given the same ones, and its own --shard-index")
      ->type_name("N")
      ->check(between(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("--shard-index", options->shard_index,
                   "Of --num-shards, from 0 on: every N-th input is transcribed, beginning with this one")
      ->type_name("I")
      ->check(between(0, 999'999))
      ->capture_default_str();
  command
      ->add_option("--n-best", options->n_best,
                   "Hypotheses of --decoding beam that JSON has, as \"alternatives\"; the first is the text")
      ->type_name("N")
      ->check(between(1, kMostBeam))
      ->capture_default_str();
  command->add_flag("--partials", options->partials,
                    "Print the growing text as audio arrives; one input at a time");
  command
      ->add_option(
          "--draft-latency", options->draft_latency,
          "With --partials: what is heard at this lower latency stands behind the text (on a terminal "
          "dim) until that has its own words")
      ->type_name("LATENCY");
  command->add_option("--stdin-rate", options->stdin_rate, "Sample rate of PCM on stdin, Hz")
      ->type_name("HZ")
      ->check(between(1000, 768000))
      ->capture_default_str();
  command->add_option("--stdin-format", options->stdin_format, "Samples of PCM on stdin: s16le or f32le")
      ->type_name("FORMAT")
      ->capture_default_str();
  command->add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {command, [command, options] { return transcribe(*command, *options); }};
}

}  // namespace glossa::cli
