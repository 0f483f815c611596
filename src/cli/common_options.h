// Options that several commands share, and how they become options of the library.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "cli/boost_options.h"
#include "cli/lm_options.h"
#include "cli/model_options.h"
#include "cli/search_options.h"
#include "glossa/types.hpp"

namespace CLI {
class App;
}
namespace glossa::model {
struct ModelConfig;
}

namespace glossa::cli {

struct RecognitionOptions {
  std::string target_lang;       // empty: not given, "auto"
  std::string att_context_size;  // "L,R" or "[L,R]"; empty: not given
  std::string latency;           // "320ms"; empty: not given
  std::string streaming = "exact";
  SearchOptions search;
  bool keep_lang_tags = false;
  bool fallback_to_auto = false;
  BoostOptions boost;
  LmOptions lm;
  std::optional<int> final_silence_ms;  // none: kDefaultFinalSilence, and 0 in NeMo's modes
};

// `otherwise` says where the default is another; empty: nowhere.
void add_final_silence_option(CLI::App& command, std::optional<int>& milliseconds,
                              std::string_view otherwise = "");
double final_silence_seconds(std::optional<int> milliseconds, double otherwise = kDefaultFinalSilence);

void add_recognition_options(CLI::App& command, RecognitionOptions& options);

// What can be known to be wrong before a model is loaded: Error kInvalidArgument.
void check(const RecognitionOptions& options);

// Error kInvalidArgument when one of the options `names` stands beside NeMo's words, which have their own.
void refuse_beside_nemo_keys(const CLI::App& command, std::initializer_list<const char*> names);

// The functions below throw Error kInvalidArgument; `from` names the option the text came from.

// "56,3", "[56,3]" or "(56, 3)".
AttContext parse_att_context(std::string_view text, std::string_view from);

// "320ms" or "320": the context of that chunk length. The left side is the one the checkpoint lists with it,
// else the default's.
AttContext latency_context(std::string_view text, const ModelInfo& model, std::string_view from);

// As much of a model as latency_context() needs, from its configuration alone.
ModelInfo chunks_of(const model::ModelConfig& config);

// exact, nemo-buffer, uniform or offline.
StreamingMode parse_streaming_mode(std::string_view text, std::string_view from);

// All but the language model, which needs the recogniser.
StreamOptions stream_options(const RecognitionOptions& options, const ModelInfo& model);
StreamOptions stream_options(const RecognitionOptions& options, const Recognizer& recognizer);

}  // namespace glossa::cli
