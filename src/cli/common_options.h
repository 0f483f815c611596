// Options that several commands share, and how they become options of the library.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "glossa/recognizer.hpp"

namespace CLI {
class App;
}

namespace glossa::cli {

struct ModelOptions {
  std::filesystem::path model;  // empty: default_model()
  int threads = 0;              // 0: one per core
  std::string weights = "f32";  // so far the only choice
  std::string device = "cpu";   // so far the only choice
  std::string backend = "cpu";
};

struct RecognitionOptions {
  std::string target_lang;       // empty: not given, "auto"
  std::string att_context_size;  // "L,R" or "[L,R]"; empty: not given
  std::string latency;           // "320ms"; empty: not given
  std::string streaming = "exact";
  std::string decoding = "greedy";  // so far the only choice
  int max_symbols = 0;              // 0: the checkpoint's
  bool keep_lang_tags = false;
  bool fallback_to_auto = false;
};

void add_model_options(CLI::App& command, ModelOptions& options);  // --model and the engine options
void add_engine_options(CLI::App& command,
                        ModelOptions& options);  // --threads, --weights, --device, --backend
void add_recognition_options(CLI::App& command, RecognitionOptions& options);

// For CLI::Option::check(): a whole number in that range.
std::function<std::string(const std::string&)> between(int smallest, int largest);
// The same for an option with one legal value.
std::function<std::string(const std::string&)> only(const std::string& choice);

// What can be known to be wrong before a model is loaded: Error kInvalidArgument.
void check(const RecognitionOptions& options);

// $GLOSSA_MODEL, else the bundled demo model beside the program: models/ of the source tree it was built in,
// or share/glossa/models of the prefix it was installed to. Error kInvalidArgument when there is none.
std::filesystem::path default_model();

// The model of --model or the default one. Error kBadInput when there is no such file.
std::filesystem::path model_path(const ModelOptions& options);

std::shared_ptr<const Recognizer> load_recognizer(const ModelOptions& options);

// The functions below throw Error kInvalidArgument; `from` names the option the text came from.

// "56,3", "[56,3]" or "(56, 3)".
AttContext parse_att_context(std::string_view text, std::string_view from);

// "320ms" or "320": the context of that chunk length. The left side is the one the checkpoint lists with it,
// else the default's.
AttContext latency_context(std::string_view text, const ModelInfo& model, std::string_view from);

// exact, nemo-buffer, uniform or offline.
StreamingMode parse_streaming_mode(std::string_view text, std::string_view from);

StreamOptions stream_options(const RecognitionOptions& options, const ModelInfo& model);

}  // namespace glossa::cli
