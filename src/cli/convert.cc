// `glossa convert`: a checkpoint in, the same checkpoint out with its weights in another number format.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/output_writer.h"

namespace glossa::cli {
namespace {

namespace fs = std::filesystem;

struct ConvertOptions {
  fs::path in;
  fs::path out;
  std::string dtype;
  bool json = false;
};

struct Parity {
  std::size_t tensors = 0;
  double largest_error = 0;           // absolute
  double largest_relative_error = 0;  // of values that are normal numbers in the new format
  std::string tensor;                 // where the largest absolute error is
};

checkpoint::DType parse_dtype(const std::string& name) {
  for (const checkpoint::DType dtype :
       {checkpoint::DType::kF32, checkpoint::DType::kF16, checkpoint::DType::kBF16}) {
    if (name == checkpoint::dtype_name(dtype)) return dtype;
  }
  fail_invalid_argument("wrong number format (expected f32, f16 or bf16, got {}, from --dtype)", name);
}

// Reads the new file again: every tensor must be there, bit for bit as it was to be written.
Parity compare(const checkpoint::Checkpoint& before, const checkpoint::NemoContents& written,
               const fs::path& path) {
  constexpr double kSmallestNormal = 6.2e-5;  // of f16, the format with the smallest range
  const auto after = checkpoint::read_nemo(path);
  Parity parity;
  for (const checkpoint::TensorView& tensor : written.tensors) {
    const checkpoint::TensorView* read = after->find(tensor.name);
    if (read == nullptr || read->dtype != tensor.dtype || read->shape != tensor.shape ||
        !std::equal(read->bytes.begin(), read->bytes.end(), tensor.bytes.begin(), tensor.bytes.end())) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("{}: {} was not read back as written", path.string(), tensor.name));
    }
    ++parity.tensors;
    const std::vector<float> old_values = before.tensor(tensor.name).to_f32();
    const std::vector<float> new_values = read->to_f32();
    for (std::size_t index = 0; index < old_values.size(); ++index) {
      const double old_value = old_values[index];
      if (std::isfinite(old_value) && !std::isfinite(new_values[index])) {
        fs::remove(path);
        fail_bad_input("{}: {} holds {} (expected numbers that fit the new format; use bf16 or f32)",
                       before.source(), tensor.name, old_value);
      }
      const double error = std::abs(old_value - new_values[index]);
      if (error > parity.largest_error) {
        parity.largest_error = error;
        parity.tensor = tensor.name;
      }
      if (std::abs(old_value) >= kSmallestNormal) {
        parity.largest_relative_error = std::max(parity.largest_relative_error, error / std::abs(old_value));
      }
    }
  }
  return parity;
}

int convert(const ConvertOptions& options) {
  const checkpoint::DType dtype = parse_dtype(options.dtype);
  if (!fs::exists(options.in))
    fail_bad_input("{}: no such file (expected a .nemo checkpoint)", options.in.string());
  if (options.out.extension() != ".nemo") {
    fail_invalid_argument("OUT has another format's name (expected a file that ends in .nemo, got {})",
                          options.out.string());
  }
  if (fs::exists(options.out)) {
    if (fs::equivalent(options.in, options.out)) {
      fail_invalid_argument("OUT would replace IN (expected two different files, got {})",
                            options.out.string());
    }
    if (!fs::is_regular_file(fs::symlink_status(options.out))) {
      fail_invalid_argument("OUT is no regular file (expected a new one or one to replace, got {})",
                            options.out.string());
    }
  }
  const auto before = checkpoint::read_nemo(options.in);
  std::vector<std::vector<std::byte>> storage;
  const checkpoint::NemoContents contents = checkpoint::contents_of(*before, dtype, storage);
  checkpoint::write_nemo(options.out, contents);
  const Parity parity = compare(*before, contents, options.out);

  const auto bytes_in = fs::file_size(options.in);
  const auto bytes_out = fs::file_size(options.out);
  if (options.json) {
    const nlohmann::ordered_json report = {{"in", options.in.string()},
                                           {"out", options.out.string()},
                                           {"dtype", options.dtype},
                                           {"bytes_in", bytes_in},
                                           {"bytes_out", bytes_out},
                                           {"tensors", parity.tensors},
                                           {"largest_error", parity.largest_error},
                                           {"largest_relative_error", parity.largest_relative_error},
                                           {"tensor_of_largest_error", parity.tensor}};
    print_to_stdout(report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return kDone;
  }
  print_to_stdout(fmt::format("{} ({:.1f} MB) -> {} ({:.1f} MB, {})\n", options.in.string(),
                              static_cast<double>(bytes_in) / 1e6, options.out.string(),
                              static_cast<double>(bytes_out) / 1e6, options.dtype));
  print_to_stdout(
      fmt::format("{} tensors read back as written; largest rounding error {:.3g}{}, {:.3g} relative\n",
                  parity.tensors, parity.largest_error, parity.tensor.empty() ? "" : " in " + parity.tensor,
                  parity.largest_relative_error));
  return kDone;
}

}  // namespace

Command add_convert(CLI::App& program) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command =
      program.add_subcommand("convert", "Write a .nemo with its weights in another number format");
  command->footer("The new file is read again and compared; the front end's constants stay f32.");
  command->add_option("in", options->in, "The checkpoint, a .nemo file")->required()->type_name("");
  command->add_option("out", options->out, "The file to write; not IN")->required()->type_name("");
  command->add_option("--dtype", options->dtype, "Numbers of the weights: f32, f16 or bf16")
      ->required()
      ->type_name("FORMAT");
  command->add_flag("--json", options->json, "JSON instead of text");
  return {command, [options] { return convert(*options); }};
}

}  // namespace glossa::cli
