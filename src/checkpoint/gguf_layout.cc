#include "checkpoint/gguf_layout.h"

#include <fmt/format.h>

#include <string_view>

namespace glossa::checkpoint {
namespace {

constexpr std::string_view kLstm = "decoder.prediction.dec_rnn.lstm.";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// weight_ih_l0 -> ih_l0.weight
std::string lstm_name(std::string_view name) {
  const std::string_view inside = name.substr(kLstm.size());
  const std::size_t underscore = inside.find('_');
  return fmt::format("{}{}.{}", kLstm, inside.substr(underscore + 1), inside.substr(0, underscore));
}

bool is_pointwise(std::string_view name) { return contains(name, ".conv.pointwise_conv"); }

bool is_linear(std::string_view name) {
  if (!name.ends_with(".weight")) return false;
  if (name.starts_with("encoder.layers.")) {
    return contains(name, ".self_attn.linear_") || contains(name, ".linear1.") ||
           contains(name, ".linear2.") || is_pointwise(name);
  }
  return name.starts_with("encoder.pre_encode.out.") || name.starts_with(kLstm) || name.starts_with("joint.");
}

bool is_convolution_or_embedding(std::string_view name) {
  if (!name.ends_with(".weight")) return false;
  return contains(name, ".conv.depthwise_conv.") || name.starts_with("encoder.pre_encode.conv.") ||
         name.starts_with("decoder.prediction.embed.");
}

}  // namespace

std::optional<GgufPlace> gguf_place(const model::TensorSpec& spec) {
  if (spec.name == "preprocessor.featurizer.window") return std::nullopt;
  if (spec.name == "preprocessor.featurizer.fb")
    return GgufPlace{"preprocessor.fb", {spec.shape[1], spec.shape[2]}};
  if (spec.name.starts_with(kLstm)) return GgufPlace{lstm_name(spec.name), spec.shape};
  if (is_pointwise(spec.name) && spec.shape.size() == 3)
    return GgufPlace{spec.name, {spec.shape[0], spec.shape[1]}};
  return GgufPlace{spec.name, spec.shape};
}

DType gguf_dtype(const GgufPlace& place, DType wanted) {
  if (wanted == DType::kF32) return DType::kF32;
  if (is_linear(place.name)) return place.shape.back() % block_size(wanted) == 0 ? wanted : DType::kF16;
  return is_convolution_or_embedding(place.name) ? DType::kF16 : DType::kF32;
}

}  // namespace glossa::checkpoint
