#include "cli/transcribe_nemo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "base/log.h"
#include "checkpoint/checkpoint_name.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "cli/search_options.h"
#include "cli/transcriber.h"
#include "eval/wer.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct Pass {
  std::vector<std::pair<const Input*, std::string>> texts;  // of the inputs that could be used, in order
  int failures = 0;
};

std::vector<Input> inputs_of(const NemoKeys& keys) {
  if (!keys.dataset_manifest.empty()) return inputs_of_manifest(keys.dataset_manifest);
  if (!keys.audio_dir.empty()) return inputs_of_folder(keys.audio_dir, keys.audio_type);
  return {{.audio = keys.audio_file, .name = keys.audio_file.string()}};
}

Pass run_pass(const Recognizer& recognizer, std::span<const Input> inputs, const BatchOptions& options,
              const std::string& title, bool quiet) {
  Pass pass;
  Progress progress(title, static_cast<double>(inputs.size()), quiet);
  BatchEvents events;
  events.recognized = [&](const Input& input, std::span<const Recognition> channels) {
    pass.texts.emplace_back(&input, channels.front().transcript.text);
  };
  events.failed = [&](const Input& input, const std::string& error) {
    progress.clear();
    fmt::print(stderr, "glossa: {} (from {})\n", error, input.name);
    ++pass.failures;
  };
  events.progressed = [&](double done, double seconds) {
    progress.update(done, fmt::format("{:.0f} s of sound", seconds));
  };
  transcribe_batches(recognizer, inputs, options, events);
  return pass;
}

eval::EditCounts edits_of(const Pass& pass) {
  eval::EditCounts total;
  for (const auto& [input, text] : pass.texts) total += eval::word_edits(text, *input->text);
  return total;
}

// As Python's round(100 * rate, 2).
double rounded_percent(double rate) {
  return std::isfinite(rate) ? std::stod(fmt::format("{:.2f}", 100 * rate))
                             : rate;  // rounds the decimal digits
}

void write_output(const Pass& pass, const fs::path& path) {
  std::ofstream file(path, std::ios::binary);
  for (const auto& [input, text] : pass.texts) {
    const nlohmann::ordered_json line = {
        {"pred_text", text},
        {"text", *input->text},
        {"wer", rounded_percent(eval::word_edits(text, *input->text).rate())}};
    file << text::json_text(line) << "\n";
  }
  if (!file.flush()) fail_bad_input("{}: cannot write the file", path.string());
}

StreamOptions stream_of(const NemoKeys& keys, const std::string& streaming) {
  StreamOptions stream;
  stream.att_context = keys.att_context_size;
  stream.target_lang = keys.target_lang;
  const SearchOptions search = search_options(keys);
  stream.max_symbols = search.max_symbols;
  stream.beam_size = beam_size(search);
  stream.keep_lang_tags = !keys.strip_lang_tags;
  if (!streaming.empty()) {
    stream.mode = parse_streaming_mode(streaming, "--streaming");
  } else {
    stream.mode = keys.pad_and_drop_preencoded ? StreamingMode::kUniform : StreamingMode::kNemoBuffer;
  }
  return stream;
}

}  // namespace

int transcribe_as_nemo(const NemoKeys& keys, const ModelOptions& engine, const std::string& streaming,
                       bool quiet) {
  if (!keys.not_used.empty()) {
    log::warning(fmt::format("glossa does not use {}", fmt::join(keys.not_used, ", ")));
  }
  ModelOptions model = engine;
  if (!keys.model_path.empty()) model.model = keys.model_path;
  model.model = model_path(model);
  const std::vector<Input> inputs = inputs_of(keys);
  const auto recognizer = load_recognizer(model, quiet);
  BatchOptions options{.stream = stream_of(keys, streaming), .batch_size = keys.batch_size};
  const LmOptions lm = lm_options(keys);
  options.stream.language_model = load_language_model(lm, *recognizer);
  options.stream.lm_alpha = lm.alpha;
  recognizer->create_stream(options.stream);  // a wrong option is an error before any work

  const bool has_references =
      !inputs.empty() &&
      std::all_of(inputs.begin(), inputs.end(), [](const Input& input) { return input.text.has_value(); });
  const bool to_file = has_references && !keys.output_path.empty();
  if (to_file) check_writable(nemo_output_file(keys, model.model));  // an error here is one before any work
  const Pass pass = run_pass(*recognizer, inputs, options, "transcribing", quiet);
  std::exception_ptr failure;  // of a disk that is full: the figures are told nevertheless
  if (to_file) {
    try {
      write_output(pass, nemo_output_file(keys, model.model));
    } catch (const Error&) {
      failure = std::current_exception();
    }
  } else {
    if (!keys.output_path.empty() && !quiet) {
      log::warning("no file is written to output_path: not every input has a reference text");
    }
    for (const auto& [input, text] : pass.texts) {
      print_to_stdout(inputs.size() > 1 ? fmt::format("{}\t{}\n", input->audio.string(), text) : text + "\n");
    }
  }
  if (keys.compare_vs_offline) {
    options.stream.mode = StreamingMode::kOffline;
    const Pass offline = run_pass(*recognizer, inputs, options, "offline", quiet);
    if (has_references)
      print_to_stdout(fmt::format("WER% of offline mode: {}\n", percent(edits_of(offline).rate())));
    std::size_t different = 0;
    for (std::size_t index = 0; index < std::min(pass.texts.size(), offline.texts.size()); ++index) {
      if (pass.texts[index].second != offline.texts[index].second) ++different;
    }
    print_to_stdout(fmt::format("Texts that differ between streaming and offline mode: {} of {}\n", different,
                                pass.texts.size()));
  }
  if (has_references)
    print_to_stdout(fmt::format("WER% of streaming mode: {}\n", percent(edits_of(pass).rate())));
  if (failure) std::rethrow_exception(failure);
  if (pass.failures == 0) return kDone;
  fmt::print(stderr, "glossa: {} of {} inputs could not be used; the figures are without them\n",
             pass.failures, inputs.size());
  return kUnusableInput;
}

fs::path nemo_output_file(const NemoKeys& keys, const fs::path& model) {
  return keys.output_path / fmt::format("streaming_out_{}_{}.json", checkpoint::checkpoint_name(model),
                                        keys.dataset_manifest.stem().string());
}

std::string percent(double rate) {
  std::string text = fmt::format("{}", rounded_percent(rate));
  if (std::isfinite(rate) && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace glossa::cli
