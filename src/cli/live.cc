// `glossa live`: the microphone to captions in the terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/fail.h"
#include "cli/caption_printer.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/recorder.h"
#include "cli/stdin_audio.h"

namespace glossa::cli {
namespace {

struct LiveOptions {
  ModelOptions model;
  RecognitionOptions recognition;
  std::string draft_latency;  // empty: the shortest
  std::string recorder;
  std::string input;
  bool json = false;
  bool quiet = false;
};

constexpr const char* kLiveFooter =
    R"(Sentences are printed when they are settled: when the model has written their language's tag, or when
the next one has begun. What is open stands in the last line, what is not settled dim.
Ctrl-C ends. The sound comes from parec, arecord or ffmpeg, or from any command:
  glossa live --recorder "ssh kitchen arecord -q -t raw -f S16_LE -r 16000 -c 1"
  glossa live --recorder "ffmpeg -v error -re -i talk.mp3 -ac 1 -ar 16000 -f s16le -")";

AttContext by_chunk(const ModelInfo& model, bool longest) {
  const auto [shortest_found, longest_found] =
      std::minmax_element(model.att_contexts.begin(), model.att_contexts.end(),
                          [](AttContext a, AttContext b) { return a.right < b.right; });
  return longest ? *longest_found : *shortest_found;
}

// Unless told otherwise the most accurate setting settles, and the fastest drafts.
StreamOptions live_options(const LiveOptions& options, const Recognizer& recognizer) {
  const ModelInfo& model = recognizer.info();
  StreamOptions stream = stream_options(options.recognition, recognizer);
  if (stream.beam_size > 1 && !stream.settle_delay) stream.settle_delay = kDefaultSettleDelay;
  if (!stream.att_context) stream.att_context = by_chunk(model, /*longest=*/true);
  if (options.draft_latency.empty()) {
    const AttContext shortest = by_chunk(model, /*longest=*/false);
    if (shortest.right < stream.att_context->right) stream.draft_att_context = shortest;
  } else if (options.draft_latency != "off") {
    stream.draft_att_context = latency_context(options.draft_latency, model, "--draft-latency");
  }
  return stream;
}

int live(const LiveOptions& options) {
  check(options.recognition);
  if (!options.recorder.empty() && !options.input.empty())
    fail_invalid_argument("--input is of a recorder that is installed (expected it in --recorder's command)");
  const std::shared_ptr<const Recognizer> recognizer = load_recognizer(options.model, options.quiet);
  const std::unique_ptr<Stream> stream = recognizer->create_stream(live_options(options, *recognizer));
  const int rate = recognizer->info().sample_rate;
  Recorder recorder({.command = options.recorder, .input = options.input, .rate = rate});
  StdinAudio sound(PcmFormat::kS16Le, rate, rate);
  if (!options.quiet && ::isatty(STDERR_FILENO) == 1)
    fmt::print(stderr, "listening through `{}`; Ctrl-C ends\n", recorder.command());
  CaptionPrinter captions(options.json ? OutputFormat::kJson : OutputFormat::kText);
  Stream* ready[] = {stream.get()};
  for (bool open = true; open;) {
    const std::optional<std::vector<float>> samples = sound.next();
    open = samples.has_value();
    if (samples) {
      stream->accept_waveform(*samples);
    } else {
      stream->input_finished();
    }
    bool stepped = false;
    for (; stream->is_ready(); stepped = true) recognizer->decode(ready);
    if (stepped || !open) captions.show(*stream, open);
  }
  if (stream->transcript().duration == 0)
    fail_bad_input("no sound came (expected raw PCM or wav from `{}`)", recorder.command());
  if (!sound.was_interrupted()) recorder.check();
  sound.check_whole();
  return kDone;
}

}  // namespace

Command add_live(CLI::App& program) {
  auto options = std::make_shared<LiveOptions>();
  CLI::App* command = program.add_subcommand("live", "The microphone to live captions in the terminal");
  command->footer(kLiveFooter);
  add_model_options(*command, options->model);
  add_recognition_options(*command, options->recognition);
  for (const char* meaningless : {"--streaming", "--keep-lang-tags"})
    command->remove_option(command->get_option(meaningless));
  command->get_option("--att-context-size")
      ->description("What settles: attention context in encoder frames of 80 ms (default: --latency's)");
  command->get_option("--latency")
      ->description("What settles: the length of a chunk, such as 320ms or 1120ms (default: the longest)");
  describe_live_settling(*command);
  command
      ->add_option("--draft-latency", options->draft_latency,
                   "What drafts until it is settled: such as 80ms, or off (default: the shortest)")
      ->type_name("MS");
  command
      ->add_option(
          "--recorder", options->recorder,
          "Command that writes raw mono PCM (s16le, the model's rate) or a wav file (default: parec, arecord "
          "or ffmpeg, the first that is installed)")
      ->type_name("COMMAND");
  command->add_option("--input", options->input, "Microphone, by the sound system's name (default: its own)")
      ->type_name("NAME");
  command->add_flag(
      "--json", options->json,
      "A line for each change of what is open (partial: true) and for each sentence that is settled");
  command->add_flag("--quiet", options->quiet, "No notes on stderr, only errors");
  return {command, [options] { return live(*options); }};
}

}  // namespace glossa::cli
