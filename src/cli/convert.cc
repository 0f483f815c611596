// `glossa convert`: a checkpoint in, the same checkpoint out in another file or number format.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "checkpoint/added_language.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "cli/bytes_on_disk.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output_writer.h"
#include "cli/progress.h"
#include "model/tensor_spec.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct ConvertOptions {
  fs::path in;
  fs::path out;
  std::string dtype;
  checkpoint::NewLanguage language;  // no code: none is added
  bool json = false;
  bool quiet = false;
};

enum class Container { kNemo, kGguf, kTransformers };

struct Parity {
  std::size_t tensors = 0;
  std::size_t matrices = 0;           // of linear layers
  std::size_t in_format = 0;          // of them; rows that blocks do not fill become f16
  double largest_error = 0;           // absolute
  double largest_relative_error = 0;  // of values that are normal numbers in the new format
  double squared_errors = 0;
  double squares = 0;
  std::string tensor;  // where the largest absolute error is

  double rms_relative_error() const { return squares > 0 ? std::sqrt(squared_errors / squares) : 0; }
};

Container container_of(const fs::path& out) {
  if (out.empty())
    fail_invalid_argument("OUT is empty (expected a file that ends in .nemo or .gguf, or a folder)");
  if (!out.has_filename() || fs::is_directory(out)) return Container::kTransformers;
  if (out.extension() == ".nemo") return Container::kNemo;
  if (out.extension() == ".gguf") return Container::kGguf;
  fail_invalid_argument(
      "OUT has another format's name (expected a file that ends in .nemo or .gguf, or a folder, {}/, got {})",
      out.string(), out.string());
}

checkpoint::DType parse_dtype(const std::string& name, Container container) {
  using checkpoint::DType;
  const auto dtype = checkpoint::dtype_named(name);
  const bool plain = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
  const bool blocks = dtype == DType::kQ8_0 || dtype == DType::kQ4_K;
  if (!plain && !blocks) {
    fail_invalid_argument("wrong number format (expected f32, f16, bf16, q8_0 or q4_k, got {}, from --dtype)",
                          name);
  }
  if (blocks && container != Container::kGguf) {
    fail_invalid_argument(
        "{} cannot hold this number format (expected f32, f16 or bf16, got {}, from --dtype; a .gguf can)",
        container == Container::kNemo ? "a .nemo" : "a folder of transformers", name);
  }
  return *dtype;
}

void check_paths(const ConvertOptions& options, Container container) {
  if (!fs::exists(options.in))
    fail_bad_input("{}: no such file (expected a .nemo or .gguf checkpoint, or a folder of transformers)",
                   options.in.string());
  if (!fs::exists(options.out)) return;
  if (fs::equivalent(options.in, options.out)) {
    fail_invalid_argument("OUT would replace IN (expected two different files, got {})",
                          options.out.string());
  }
  if (container == Container::kTransformers) return;  // its writer looks whether it is empty
  if (!fs::is_regular_file(fs::symlink_status(options.out))) {
    fail_invalid_argument("OUT is no regular file (expected a new one or one to replace, got {})",
                          options.out.string());
  }
}

// After each tensor the bar moves, and a signal may end the work.
class Conversion {
 public:
  // `passes`: how often every tensor is worked on.
  Conversion(const checkpoint::Checkpoint& before, int passes, bool quiet)
      : progress_("converting", passes * elements(before), quiet) {}

  checkpoint::TensorDone step(const char* what) {
    return [this, what](std::int64_t count) {
      interrupt_.check();
      done_ += static_cast<double>(count);
      progress_.update(done_, what);
    };
  }

 private:
  static double elements(const checkpoint::Checkpoint& checkpoint) {
    std::int64_t sum = 0;
    for (const checkpoint::TensorView& tensor : checkpoint.tensors()) sum += tensor.elements();
    return static_cast<double>(sum);
  }

  InterruptGuard interrupt_;
  Progress progress_;
  double done_ = 0;
};

// `source`: where `before` is from. Its values must be numbers.
void compare_values(const checkpoint::TensorView& before, const checkpoint::TensorView& after,
                    const std::string& source, Parity& parity) {
  constexpr double kSmallestNormal = 6.2e-5;  // of f16, the format with the smallest range
  const std::vector<float> old_values = before.to_f32();
  const std::vector<float> new_values = after.to_f32();
  double largest_error = 0;
  for (std::size_t index = 0; index < old_values.size(); ++index) {
    const double old_value = old_values[index];
    if (!std::isfinite(old_value))
      fail_bad_input("{}: tensor {} has the value {} (expected numbers)", source, before.name, old_value);
    const double error = std::abs(old_value - new_values[index]);
    parity.squared_errors += error * error;
    parity.squares += old_value * old_value;
    largest_error = std::max(largest_error, error);
    if (std::abs(old_value) >= kSmallestNormal)
      parity.largest_relative_error = std::max(parity.largest_relative_error, error / std::abs(old_value));
  }
  if (largest_error > parity.largest_error) {
    parity.largest_error = largest_error;
    parity.tensor = before.name;
  }
}

std::set<std::string> matrices_of(const model::ModelConfig& config) {
  std::set<std::string> names;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (spec.quantizable) names.insert(spec.name);
  }
  return names;
}

// Reads the new file again: every tensor must be there, bit for bit as it was to be written. `out`: what the
// file is going to be called.
Parity compare(const checkpoint::Checkpoint& before, std::span<const checkpoint::WrittenTensor> written,
               checkpoint::DType dtype, const fs::path& file, const std::string& out,
               const checkpoint::TensorDone& done) {
  const auto after = checkpoint::read_checkpoint(file, out);
  const std::set<std::string> matrices = matrices_of(before.config());
  Parity parity{.matrices = matrices.size()};
  for (const checkpoint::WrittenTensor& tensor : written) {
    const checkpoint::TensorView* read = after->find(tensor.name);
    const checkpoint::TensorView* old = before.find(tensor.name);
    if (read == nullptr || read->dtype != tensor.dtype || checkpoint::crc32_of(read->bytes) != tensor.crc32 ||
        (old != nullptr && old->shape != read->shape)) {
      throw Error(ErrorCode::kInternal, fmt::format("{}: {} was not read back as written", out, tensor.name));
    }
    ++parity.tensors;
    parity.in_format += matrices.contains(tensor.name) && tensor.dtype == dtype ? 1 : 0;
    if (old != nullptr)
      compare_values(*old, *read, before.source(), parity);  // else a constant that IN leaves to the reader
    done(read->elements());
    before.release_pages();  // neither file need stay in memory
    after->release_pages();
  }
  return parity;
}

std::string errors_of(const Parity& parity, checkpoint::DType dtype) {
  const std::string where = parity.tensor.empty() ? "" : " in " + parity.tensor;
  if (checkpoint::is_block_format(dtype)) {
    return fmt::format(
        "{} of {} matrices in {}, the rest in f16; largest error {:.3g}{}, root mean square {:.3g} of the "
        "weights'",
        parity.in_format, parity.matrices, checkpoint::dtype_name(dtype), parity.largest_error, where,
        parity.rms_relative_error());
  }
  return fmt::format("largest rounding error {:.3g}{}, {:.3g} relative", parity.largest_error, where,
                     parity.largest_relative_error);
}

Parity write_and_compare(const ConvertOptions& options, checkpoint::DType dtype, Container container) {
  auto before = checkpoint::read_checkpoint(options.in);
  if (!options.language.code.empty()) before = checkpoint::with_language(before, options.language);
  Conversion conversion(*before, container == Container::kNemo ? 3 : 2, options.quiet);
  Parity parity;
  const auto check = [&](const fs::path& file, std::span<const checkpoint::WrittenTensor> written) {
    parity = compare(*before, written, dtype, file, options.out.string(), conversion.step("checking"));
  };
  if (container == Container::kGguf) {
    checkpoint::write_gguf(options.out, *before, dtype, conversion.step("writing"), check);
  } else if (container == Container::kTransformers) {
    checkpoint::write_transformers(options.out, *before, dtype, conversion.step("writing"), check);
  } else {
    std::vector<std::vector<std::byte>> storage;
    const auto contents = checkpoint::contents_of(*before, dtype, storage, conversion.step("rounding"));
    checkpoint::write_nemo(options.out, contents, conversion.step("writing"), check);
  }
  return parity;
}

int convert(const ConvertOptions& options) {
  const Container container = container_of(options.out);
  const checkpoint::DType dtype = parse_dtype(options.dtype, container);
  check_paths(options, container);
  const Parity parity = write_and_compare(options, dtype, container);

  if (checkpoint::is_block_format(dtype) && parity.in_format == 0 && !options.quiet) {
    log::warning(fmt::format("{}: no matrix is in {}, all are in f16: their rows do not fill its blocks",
                             options.out.string(), options.dtype));
  }
  const auto bytes_in = bytes_on_disk(options.in);
  const auto bytes_out = bytes_on_disk(options.out);
  if (options.json) {
    nlohmann::ordered_json report = {{"in", options.in.string()},
                                     {"out", options.out.string()},
                                     {"dtype", options.dtype},
                                     {"bytes_in", bytes_in},
                                     {"bytes_out", bytes_out},
                                     {"tensors", parity.tensors},
                                     {"largest_error", parity.largest_error},
                                     {"rms_relative_error", parity.rms_relative_error()},
                                     {"tensor_of_largest_error", parity.tensor}};
    if (checkpoint::is_block_format(dtype)) {
      report["matrices"] = parity.matrices;
      report["matrices_in_dtype"] = parity.in_format;
    } else {
      report["largest_relative_error"] = parity.largest_relative_error;
    }
    print_to_stdout(text::json_text(report, 2) + "\n");
    return kDone;
  }
  print_to_stdout(fmt::format("{} ({:.1f} MB) -> {} ({:.1f} MB, {})\n", options.in.string(),
                              static_cast<double>(bytes_in) / 1e6, options.out.string(),
                              static_cast<double>(bytes_out) / 1e6, options.dtype));
  print_to_stdout(
      fmt::format("{} tensors read back as written; {}\n", parity.tensors, errors_of(parity, dtype)));
  return kDone;
}

}  // namespace

Command add_convert(CLI::App& program) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = program.add_subcommand(
      "convert", "Write a checkpoint in another number format, as .nemo, .gguf or for transformers");
  command->footer(
      "OUT's ending says what it becomes: .nemo, .gguf, or / (or an empty folder) for a folder that Hugging\n"
      "Face's transformers loads. What is new is read again and compared before it gets its name; the\n"
      "front end's constants stay f32. In a .gguf, f16, bf16, q8_0 and q4_k are for the matrices of linear\n"
      "layers; convolutions and the embedding are f16, small tensors f32.");
  command->add_option("in", options->in, "The checkpoint: a .nemo or .gguf file, or a folder of transformers")
      ->required()
      ->type_name("");
  command
      ->add_option("out", options->out, "The .nemo or .gguf file to write, or the folder (FOLDER/); not IN")
      ->required()
      ->type_name("");
  command
      ->add_option("--dtype", options->dtype, "Numbers of the weights: f32, f16 or bf16; .gguf: q8_0, q4_k")
      ->required()
      ->type_name("FORMAT");
  auto* language =
      command
          ->add_option("--add-language", options->language.code,
                       "A language to add to the prompt dictionary, such as cy-GB: one that can be "
                       "trained then")
          ->type_name("CODE");
  command
      ->add_option("--language-slot", options->language.slot,
                   "Its prompt slot (default: the first that no language has)")
      ->needs(language)
      ->type_name("N");
  command
      ->add_option("--language-like", options->language.like,
                   "The language whose weights its slot begins with: a near one, or auto")
      ->needs(language)
      ->type_name("LANG")
      ->capture_default_str();
  command->add_flag("--json", options->json, "JSON instead of text");
  command->add_flag("--quiet", options->quiet, "Neither progress nor notes on stderr, only errors");
  return {command, [options] { return convert(*options); }};
}

}  // namespace glossa::cli
