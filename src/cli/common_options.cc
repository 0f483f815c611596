#include "cli/common_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/log.h"
#include "cli/option_values.h"
#include "model/model_config.h"

namespace glossa::cli {

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
  add_search_options(command, options.search);
  command.add_flag("--keep-lang-tags", options.keep_lang_tags, "Leave tags such as <en-US> in the text");
  command.add_flag("--fallback-to-auto", options.fallback_to_auto,
                   "Use auto for a language that the checkpoint does not have, instead of an error");
  add_boost_options(command, options.boost);
  add_lm_options(command, options.lm);
  add_final_silence_option(command, options.final_silence_ms, "; none in NeMo's modes");
}

void add_final_silence_option(CLI::App& command, std::optional<int>& milliseconds,
                              std::string_view otherwise) {
  command
      .add_option("--final-silence-ms", milliseconds,
                  fmt::format("Silence that the model hears behind the sound, so that the last word is "
                              "finished; 0: none (default: {:.0f}{})",
                              kDefaultFinalSilence * 1000, otherwise))
      ->type_name("MS")
      ->check(between(0, static_cast<int>(kMostFinalSilence * 1000)));
}

void refuse_beside_nemo_keys(const CLI::App& command, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (command.count(name) > 0) {
      fail_invalid_argument(
          "{} cannot be mixed with key=value words (expected NeMo's name for it, where it has one)", name);
    }
  }
}

void check(const RecognitionOptions& options) {
  if (!options.att_context_size.empty()) parse_att_context(options.att_context_size, "--att-context-size");
  parse_streaming_mode(options.streaming, "--streaming");
  check(options.search);
  boosted_phrases(options.boost);
  check(options.lm);
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

ModelInfo chunks_of(const model::ModelConfig& config) {
  ModelInfo model;
  model.att_contexts = config.encoder.att_contexts;
  model.frame_seconds = static_cast<double>(config.features.hop) * config.encoder.subsampling_factor /
                        config.features.sample_rate;
  return model;
}

StreamingMode parse_streaming_mode(std::string_view text, std::string_view from) {
  if (text == "exact") return StreamingMode::kExact;
  if (text == "nemo-buffer") return StreamingMode::kNemoBuffer;
  if (text == "uniform") return StreamingMode::kUniform;
  if (text == "offline") return StreamingMode::kOffline;
  fail_invalid_argument(
      "wrong streaming mode (expected exact, nemo-buffer, uniform or offline, got {}, from {})", text, from);
}

double final_silence_seconds(std::optional<int> milliseconds, double otherwise) {
  return milliseconds ? *milliseconds / 1000.0 : otherwise;
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
  stream.max_symbols = options.search.max_symbols;
  stream.beam_size = beam_size(options.search);
  stream.settle_delay = settle_delay_seconds(options.search);
  stream.keep_lang_tags = options.keep_lang_tags;
  stream.boosted_phrases = boosted_phrases(options.boost);
  stream.lm_alpha = options.lm.alpha;
  const bool as_nemo = stream.mode == StreamingMode::kNemoBuffer || stream.mode == StreamingMode::kUniform;
  stream.final_silence = final_silence_seconds(options.final_silence_ms, as_nemo ? 0 : kDefaultFinalSilence);
  return stream;
}

StreamOptions stream_options(const RecognitionOptions& options, const Recognizer& recognizer) {
  StreamOptions stream = stream_options(options, recognizer.info());
  stream.language_model = load_language_model(options.lm, recognizer);
  return stream;
}

}  // namespace glossa::cli
