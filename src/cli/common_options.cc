#include "cli/common_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "model/model_config.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemoModel = "glossa-small.nemo";

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::optional<int> parse_int(std::string_view text) {
  text = trim(text);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::function<std::string(const std::string&)> between(int smallest, int largest) {
  return [smallest, largest](const std::string& text) {
    const auto value = parse_int(text);
    if (value && *value >= smallest && *value <= largest) return std::string();
    return fmt::format("wrong value (expected {} to {}, got {})", smallest, largest, text);
  };
}

std::function<std::string(const std::string&)> only(const std::string& choice) {
  return [choice](const std::string& text) {
    if (text == choice) return std::string();
    return fmt::format("not available in this version (expected {}, got {})", choice, text);
  };
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--model", options.model,
                  "Checkpoint, a .nemo or .gguf file (default: $GLOSSA_MODEL, else the bundled demo model)")
      ->type_name("PATH");
  add_engine_options(command, options);
}

void add_engine_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--threads", options.threads, "Threads of one recognition step; 0: one per core")
      ->type_name("N")
      ->check(between(0, 1024))
      ->capture_default_str();
  command.add_option("--weights", options.weights, "Number format the weights are computed in: f32")
      ->type_name("FORMAT")
      ->check(only("f32"))
      ->capture_default_str();
  command.add_option("--device", options.device, "Where the model runs: cpu")
      ->type_name("DEVICE")
      ->check(only("cpu"))
      ->capture_default_str();
  command.add_option("--backend", options.backend, "cpu, or reference: slow plain loops to compare with")
      ->group("");
}

void add_recognition_options(CLI::App& command, RecognitionOptions& options) {
  command
      .add_option("--target-lang", options.target_lang,
                  "Language spoken: a code of `glossa languages`, or auto (default: auto)")
      ->type_name("LANG");
  auto* context =
      command
          .add_option("--att-context-size", options.att_context_size,
                      "Attention context in encoder frames of 80 ms; also [L,R]. A chunk is R+1 frames "
                      "(default: the checkpoint's first)")
          ->type_name("L,R");
  command
      .add_option(
          "--latency", options.latency,
          "The same as the length of a chunk, such as 80ms, 160ms, 320ms, 560ms or 1120ms (default: the "
          "checkpoint's first)")
      ->type_name("MS")
      ->excludes(context);
  command
      .add_option(
          "--streaming", options.streaming,
          "exact: every frame of sound, as offline; nemo-buffer: as NeMo's streaming script, its ends of "
          "streams included; uniform: the same with pad_and_drop_preencoded; offline: as exact, many chunks "
          "at a time")
      ->type_name("MODE")
      ->capture_default_str();
  command.add_option("--decoding", options.decoding, "Search: greedy")
      ->type_name("SEARCH")
      ->check(only("greedy"))
      ->capture_default_str();
  command
      .add_option("--max-symbols", options.max_symbols,
                  "Labels per encoder frame at most; 0: the checkpoint's own")
      ->type_name("N")
      ->check(between(0, 1000))
      ->capture_default_str();
  command.add_flag("--keep-lang-tags", options.keep_lang_tags, "Leave tags such as <en-US> in the text");
  command.add_flag("--fallback-to-auto", options.fallback_to_auto,
                   "Use auto for a language that the checkpoint does not have, instead of an error");
}

void check(const RecognitionOptions& options) {
  if (!options.att_context_size.empty()) parse_att_context(options.att_context_size, "--att-context-size");
  parse_streaming_mode(options.streaming, "--streaming");
}

fs::path default_model() {
  if (const char* chosen = std::getenv("GLOSSA_MODEL"); chosen != nullptr && *chosen != '\0') return chosen;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  // The program is <source>/build/<preset>/bin/glossa or <prefix>/bin/glossa.
  constexpr int kLevels = 4;
  fs::path folder = program.parent_path();
  for (int level = 0; level < kLevels && !folder.empty(); ++level, folder = folder.parent_path()) {
    for (const fs::path& model :
         {folder / "share/glossa/models" / kDemoModel, folder / "models" / kDemoModel}) {
      if (fs::is_regular_file(model, error)) return model;
    }
  }
  fail_invalid_argument(
      "no model (expected --model PATH or GLOSSA_MODEL; the bundled {} was not found near {})", kDemoModel,
      program.string());
}

fs::path model_path(const ModelOptions& options) {
  fs::path model = options.model.empty() ? default_model() : options.model;
  std::error_code error;
  if (!fs::exists(model, error))
    fail_bad_input("{}: no such file (expected a .nemo or .gguf checkpoint)", model.string());
  return model;
}

std::shared_ptr<const Recognizer> load_recognizer(const ModelOptions& options) {
  return Recognizer::load(
      {.model = model_path(options), .threads = options.threads, .backend = options.backend});
}

AttContext parse_att_context(std::string_view text, std::string_view from) {
  std::string_view inside = trim(text);
  if (inside.size() >= 2 &&
      ((inside.front() == '[' && inside.back() == ']') || (inside.front() == '(' && inside.back() == ')'))) {
    inside = inside.substr(1, inside.size() - 2);
  }
  const std::size_t comma = inside.find(',');
  if (comma != std::string_view::npos) {
    const auto left = parse_int(inside.substr(0, comma));
    const auto right = parse_int(inside.substr(comma + 1));
    if (left && right && *left >= 0 && *right >= 0) return {.left = *left, .right = *right};
  }
  fail_invalid_argument(
      "wrong attention context (expected L,R in encoder frames such as 56,3, got {}, from {})", text, from);
}

AttContext latency_context(std::string_view text, const ModelInfo& model, std::string_view from) {
  const double frame_ms = model.frame_seconds * 1000;
  const AttContext first = model.att_contexts.empty() ? AttContext{} : model.att_contexts.front();
  std::string_view number = trim(text);
  if (number.ends_with("ms")) number.remove_suffix(2);
  const auto ms = parse_int(number);
  if (ms && *ms > 0 && frame_ms > 0) {
    const int frames = static_cast<int>(std::lround(*ms / frame_ms));
    if (std::abs(frames * frame_ms - *ms) < 0.5 && frames > 0) {
      for (const AttContext& context : model.att_contexts) {
        if (context.chunk_frames() == frames) return context;
      }
      if (first.left % frames == 0 && frames <= std::max(first.left, 1)) {
        return {.left = first.left, .right = frames - 1};
      }
    }
  }
  std::string usable;
  for (int frames = 1; frames <= std::max(first.left, 1); ++frames) {
    if (first.left % frames != 0) continue;
    usable += fmt::format("{}{:.0f}ms", usable.empty() ? "" : ", ", frames * frame_ms);
  }
  fail_invalid_argument("wrong latency (expected one of {}, got {}, from {})", usable, text, from);
}

StreamingMode parse_streaming_mode(std::string_view text, std::string_view from) {
  if (text == "exact") return StreamingMode::kExact;
  if (text == "nemo-buffer") return StreamingMode::kNemoBuffer;
  if (text == "uniform") return StreamingMode::kUniform;
  if (text == "offline") return StreamingMode::kOffline;
  fail_invalid_argument(
      "wrong streaming mode (expected exact, nemo-buffer, uniform or offline, got {}, from {})", text, from);
}

StreamOptions stream_options(const RecognitionOptions& options, const ModelInfo& model) {
  StreamOptions stream;
  if (!options.att_context_size.empty()) {
    stream.att_context = parse_att_context(options.att_context_size, "--att-context-size");
  } else if (!options.latency.empty()) {
    stream.att_context = latency_context(options.latency, model, "--latency");
  }
  if (stream.att_context && model::is_usable(*stream.att_context) &&
      std::find(model.att_contexts.begin(), model.att_contexts.end(), *stream.att_context) ==
          model.att_contexts.end()) {
    log::warning(fmt::format("att_context_size [{},{}] is not one the checkpoint was trained with",
                             stream.att_context->left, stream.att_context->right));
  }
  if (!options.target_lang.empty()) stream.target_lang = options.target_lang;
  stream.unknown_lang_is_auto = options.fallback_to_auto;
  stream.mode = parse_streaming_mode(options.streaming, "--streaming");
  stream.max_symbols = options.max_symbols;
  stream.keep_lang_tags = options.keep_lang_tags;
  return stream;
}

}  // namespace glossa::cli
