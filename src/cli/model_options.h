// Which model runs, and how: options of every command that recognises.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "glossa/recognizer.hpp"

namespace CLI {
class App;
}

namespace glossa::cli {

struct ModelOptions {
  std::filesystem::path model;  // empty: default_model()
  int threads = 0;              // 0: one per core
  std::string weights = "int8";
  std::string kv_cache = "auto";
  std::string weight_cache = "auto";  // auto, off or a folder
  std::string device = "cpu";         // so far the only choice
  std::string backend = "cpu";
  std::optional<AttContext> default_att_context;  // of no option here: none, the checkpoint's first
};

void add_model_options(CLI::App& command, ModelOptions& options);  // --model and the engine options
// --threads, --weights, --kv-cache, --weight-cache, --device, --backend
void add_engine_options(CLI::App& command, ModelOptions& options);

// $GLOSSA_MODEL, else the bundled demo model beside the program: models/ of the source tree it was built in,
// or share/glossa/models of the prefix it was installed to. Error kInvalidArgument when there is none.
std::filesystem::path default_model();

// The model of --model or the default one. Error kBadInput when there is no such file.
std::filesystem::path model_path(const ModelOptions& options);

// What the library is asked for. The reference backend knows f32 alone: it gets no other format, and no file
// of packed weights.
RecognizerOptions recognizer_options(const ModelOptions& options);

// Shows on stderr how far packing has come when it takes long, unless `quiet`.
std::shared_ptr<const Recognizer> load_recognizer(const ModelOptions& options, bool quiet);

}  // namespace glossa::cli
