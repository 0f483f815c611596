#include "cli/model_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <span>
#include <vector>

#include "audio/audio_file.h"
#include "base/fail.h"
#include "base/number_formats.h"
#include "checkpoint/checkpoint_name.h"
#include "cli/interrupt.h"
#include "cli/option_values.h"
#include "cli/progress.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemoModel = "glossa-mini.nemo";
constexpr auto kSilentPacking = std::chrono::milliseconds(500);  // before a bar appears

template <class Format>
Format format_of(std::span<const NamedFormat<Format>> all, const std::string& name, const char* from) {
  if (const auto format = find_format(all, name)) return *format;
  fail_invalid_argument("wrong number format (expected {}, got {}, from {})", fmt::join(names_of(all), ", "),
                        name, from);
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option(
          "--model", options.model,
          "Checkpoint: a .nemo or .gguf file, or a folder of transformers (default: $GLOSSA_MODEL, else "
          "the bundled demo model)")
      ->type_name("PATH");
  add_engine_options(command, options);
}

void add_engine_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--threads", options.threads, "Threads of one recognition step; 0: one per core")
      ->type_name("N")
      ->check(between(0, 1024))
      ->capture_default_str();
  command
      .add_option("--weights", options.weights,
                  "Number format of the weights: f32 (as NeMo), bf16, int8, int4. Narrower is smaller and "
                  "faster and changes results a little: docs/quantisation.md")
      ->type_name("FORMAT")
      ->check(one_of(names_of<WeightFormat>(kWeightFormats)))
      ->capture_default_str();
  command
      .add_option("--kv-cache", options.kv_cache,
                  "Number format of what a stream remembers: f32, bf16, int8; auto: the weights' own, int8 "
                  "with int4")
      ->type_name("FORMAT")
      ->check(one_of(names_of<CacheFormat>(kCacheFormats)))
      ->capture_default_str();
  command
      .add_option("--weight-cache", options.weight_cache,
                  "Where weights other than f32 are kept as packed at the first start, so that the next one "
                  "only maps them. auto: MODEL.FORMAT.packed beside the model, or where that cannot be "
                  "written to in $XDG_CACHE_HOME/glossa (~/.cache/glossa); off: packed at every start; or a "
                  "folder")
      ->type_name("auto|off|FOLDER")
      ->capture_default_str();
  command.add_option("--device", options.device, "Where the model runs: cpu")
      ->type_name("DEVICE")
      ->check(only("cpu"))
      ->capture_default_str();
  command.add_option("--backend", options.backend, "cpu, or reference: slow plain loops to compare with")
      ->group("");
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
  const fs::path model = checkpoint::plain_path(options.model.empty() ? default_model() : options.model);
  std::error_code error;
  if (!fs::exists(model, error))
    fail_bad_input("{}: no such file (expected a .nemo or .gguf checkpoint, or a folder of transformers)",
                   model.string());
  if (audio::has_audio_extension(model) && !fs::is_directory(model, error))
    fail_bad_input("{}: a sound file (expected a .nemo or .gguf checkpoint, or a folder of transformers)",
                   model.string());
  return model;
}

RecognizerOptions recognizer_options(const ModelOptions& options) {
  RecognizerOptions recognizer;
  recognizer.model = model_path(options);
  recognizer.threads = options.threads;
  recognizer.backend = options.backend;
  recognizer.weights = format_of<WeightFormat>(kWeightFormats, options.weights, "--weights");
  recognizer.kv_cache = format_of<CacheFormat>(kCacheFormats, options.kv_cache, "--kv-cache");
  recognizer.default_att_context = options.default_att_context;
  recognizer.cache_packed_weights = options.weight_cache != "off";
  if (options.weight_cache != "off" && options.weight_cache != "auto")
    recognizer.weight_cache_folder = options.weight_cache;
  if (options.backend == "reference") {
    recognizer.weights = WeightFormat::kF32;
    recognizer.cache_packed_weights = false;
  }
  return recognizer;
}

std::shared_ptr<const Recognizer> load_recognizer(const ModelOptions& options, bool quiet) {
  RecognizerOptions recognizer = recognizer_options(options);
  Progress progress(fmt::format("packing weights as {}", options.weights), 1, quiet);
  const InterruptGuard interrupt;  // so that no half of a file of packed weights stays behind
  recognizer.on_packing = [&, start = std::chrono::steady_clock::now()](double done) {
    interrupt.check();
    if (std::chrono::steady_clock::now() - start > kSilentPacking) progress.update(done, "");
  };
  return Recognizer::load(recognizer);
}

}  // namespace glossa::cli
