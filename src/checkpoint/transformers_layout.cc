#include "checkpoint/transformers_layout.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace glossa::checkpoint {
namespace {

using Renaming = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kSubsampling = "encoder.pre_encode.conv.";

constexpr std::array<Renaming, 8> kPrefixes = {{{"encoder.pre_encode.out.", "encoder.subsampling.linear."},
                                                {"decoder.prediction.embed.", "decoder.embedding."},
                                                {"decoder.prediction.dec_rnn.lstm.", "decoder.lstm."},
                                                {"joint.enc.", "encoder_projector."},
                                                {"joint.pred.", "decoder.decoder_projector."},
                                                {"joint.joint_net.2.", "joint.head."},
                                                {"prompt_kernel.0.", "prompt_projector.linear_1."},
                                                {"prompt_kernel.2.", "prompt_projector.linear_2."}}};

// Within the name of a layer's tensor.
constexpr std::array<Renaming, 8> kParts = {{{".conv.batch_norm.", ".conv.norm."},
                                             {".self_attn.linear_q.", ".self_attn.q_proj."},
                                             {".self_attn.linear_k.", ".self_attn.k_proj."},
                                             {".self_attn.linear_v.", ".self_attn.v_proj."},
                                             {".self_attn.linear_out.", ".self_attn.o_proj."},
                                             {".self_attn.linear_pos.", ".self_attn.relative_k_proj."},
                                             {".self_attn.pos_bias_u", ".self_attn.bias_u"},
                                             {".self_attn.pos_bias_v", ".self_attn.bias_v"}}};

// nn.Sequential of conv, ReLU, then (depthwise, pointwise, ReLU) for each further halving: the name of its
// convolution `rest`, "3.weight".
std::string subsampling_name(std::string_view rest) {
  int index = 0;
  const auto* end = rest.data() + rest.size();
  const auto* dot = std::from_chars(rest.data(), end, index).ptr;
  const std::string_view suffix(dot, static_cast<std::size_t>(end - dot));
  if (index == 0) return fmt::format("encoder.subsampling.conv_in{}", suffix);
  constexpr int kFirst = 2;
  constexpr int kEach = 3;
  return fmt::format("encoder.subsampling.layers.{}.{}{}", (index - kFirst) / kEach,
                     (index - kFirst) % kEach == 0 ? "depthwise_conv" : "pointwise_conv", suffix);
}

// The first exports kept NeMo's nn.Sequential.
std::optional<std::string> older_name(std::string_view nemo_name) {
  if (nemo_name.starts_with(kSubsampling))
    return fmt::format("encoder.subsampling.layers.{}", nemo_name.substr(kSubsampling.size()));
  if (nemo_name.starts_with("prompt_kernel.")) return std::string(nemo_name);
  return std::nullopt;
}

}  // namespace

std::string transformers_name(std::string_view nemo_name) {
  if (nemo_name.starts_with(kSubsampling)) return subsampling_name(nemo_name.substr(kSubsampling.size()));
  for (const auto& [from, to] : kPrefixes) {
    if (nemo_name.starts_with(from)) return fmt::format("{}{}", to, nemo_name.substr(from.size()));
  }
  for (const auto& [from, to] : kParts) {
    const std::size_t at = nemo_name.find(from);
    if (at != std::string_view::npos)
      return fmt::format("{}{}{}", nemo_name.substr(0, at), to, nemo_name.substr(at + from.size()));
  }
  return std::string(nemo_name);
}

std::vector<std::string> transformers_names(std::string_view nemo_name) {
  std::vector<std::string> names{transformers_name(nemo_name)};
  if (auto older = older_name(nemo_name)) names.push_back(std::move(*older));
  return names;
}

}  // namespace glossa::checkpoint
