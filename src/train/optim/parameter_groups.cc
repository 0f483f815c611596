#include "train/optim/parameter_groups.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::train {
namespace {

constexpr std::string_view kLayers = "encoder.layers.";
constexpr std::string_view kSubsampling = "encoder.pre_encode.";

enum Part { kEncoder, kPromptKernel, kDecoder, kJoint, kParts };
constexpr std::array<std::string_view, kParts> kPartNames = {"encoder", "prompt_kernel", "decoder", "joint"};

struct Surface {
  std::array<bool, kParts> moves = {};
  std::optional<int> top_layers;  // of the encoder; none: all
};

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Surface parse_surface(std::string_view name) {
  if (name == "joint") return {{false, false, false, true}, {}};
  if (name == "decoder") return {{false, false, true, true}, {}};
  if (name == "prompt") return {{false, true, false, false}, {}};
  if (name == "full") return {{true, true, true, true}, {}};
  if (name.starts_with("top-")) {
    const auto layers = whole_number(name.substr(4));
    if (layers && *layers > 0) return {{true, true, true, true}, layers};
  }
  fail_invalid_argument(
      "surface is '{}' (expected joint, decoder, prompt, full, or top-K with the number of encoder layers, "
      "such as top-4)",
      printable(name));
}

Part part_of(std::string_view name) {
  for (std::size_t part = 0; part < kPartNames.size(); ++part) {
    if (name.starts_with(kPartNames[part]) && name.substr(kPartNames[part].size()).starts_with('.')) {
      return static_cast<Part>(part);
    }
  }
  fail_invalid_argument(
      "parameter '{}' belongs to no part of the model (expected encoder, prompt_kernel, "
      "decoder or joint in front)",
      printable(name));
}

std::optional<int> layer_of(std::string_view name) {
  if (!name.starts_with(kLayers)) return std::nullopt;
  name.remove_prefix(kLayers.size());
  return whole_number(name.substr(0, name.find('.')));
}

}  // namespace

void check_surface(std::string_view surface) { parse_surface(surface); }

ParameterGroups group_parameters(const std::vector<std::string>& names, std::string_view surface,
                                 const LearningRateScales& scales, bool freeze_subsampling) {
  const Surface chosen = parse_surface(surface);
  int layers = 0;
  for (const auto& name : names) layers = std::max(layers, layer_of(name).value_or(-1) + 1);
  if (chosen.top_layers && *chosen.top_layers > layers) {
    fail_invalid_argument("surface is '{}' but the encoder has {} layers", surface, layers);
  }
  const std::array<double, kParts> scale = {scales.encoder, scales.prompt_kernel, scales.decoder,
                                            scales.joint};
  ParameterGroups result;
  for (std::size_t part = 0; part < kParts; ++part) {
    if (!(scale[part] >= 0) || !std::isfinite(scale[part])) {
      fail_invalid_argument("learning-rate scale of {} is {} (expected 0 or more)", kPartNames[part],
                            scale[part]);
    }
    result.groups.push_back({std::string(kPartNames[part]), scale[part], {}});
  }
  for (const auto& name : names) {
    const Part part = part_of(name);
    bool moves = chosen.moves[part] && scale[part] > 0;
    if (part == kEncoder) {
      if (chosen.top_layers) moves = moves && layer_of(name).value_or(-1) >= layers - *chosen.top_layers;
      if (freeze_subsampling && name.starts_with(kSubsampling)) moves = false;
    }
    (moves ? result.groups[part].names : result.frozen).push_back(name);
  }
  std::erase_if(result.groups, [](const ParameterGroup& group) { return group.names.empty(); });
  if (result.groups.empty()) {
    fail_invalid_argument(
        "surface '{}' trains nothing: the model has no such part, or its learning-rate scale is 0", surface);
  }
  return result;
}

}  // namespace glossa::train
