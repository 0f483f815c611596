#include "train/nn/relative_attention.h"

#include <cmath>
#include <limits>

#include "model/position_encoding.h"
#include "train/nn/dropout.h"

namespace glossa::train {
namespace {

// Scores of content and position that a plan computes for each head.
std::int64_t cost_of(std::int64_t blocks, std::int64_t block, std::int64_t left_keys) {
  return blocks * block * ((left_keys + block) + (left_keys + 2 * block - 1));
}

// Blocks of less work than half are worth their gathering of keys.
void choose_blocks(AttContext context, AttentionPlan& plan) {
  constexpr std::int64_t kSmallest = 16;
  plan.block = plan.frames;
  plan.blocks = 1;
  std::int64_t best = cost_of(1, plan.frames, 0) / 2;
  const std::int64_t chunk = context.chunk_frames();
  for (std::int64_t block = (kSmallest + chunk - 1) / chunk * chunk; block < plan.frames; block += chunk) {
    const std::int64_t blocks = (plan.frames + block - 1) / block;
    const std::int64_t cost = cost_of(blocks, block, context.left);
    if (cost >= best) continue;
    best = cost;
    plan.block = block;
    plan.blocks = blocks;
    plan.left_keys = context.left;
  }
}

torch::Tensor make_mask(AttContext context, const AttentionPlan& plan, const torch::Tensor& lengths) {
  const std::int64_t chunk = context.chunk_frames();
  const auto range = [](std::int64_t begin, std::int64_t end) {
    return torch::arange(begin, end, torch::kLong);
  };
  const torch::Tensor queries = range(0, plan.block);
  const torch::Tensor keys = range(-plan.left_keys, plan.block);
  const torch::Tensor behind =
      queries.div(chunk, "floor").unsqueeze(1) - keys.div(chunk, "floor").unsqueeze(0);
  const torch::Tensor in_context = (behind >= 0) & (behind <= context.left / chunk);  // [block, keys]
  const torch::Tensor first = range(0, plan.blocks).unsqueeze(1) * plan.block;
  const torch::Tensor key_frames = first + keys;  // [blocks, keys]
  const torch::Tensor ends = lengths.view({-1, 1, 1});
  const torch::Tensor valid_key = (key_frames >= 0) & (key_frames < ends);  // [B, blocks, keys]
  const torch::Tensor padding = (first + queries) >= ends;                  // [B, blocks, block]
  const torch::Tensor seen = in_context & (valid_key.unsqueeze(2) | padding.unsqueeze(3));
  return torch::zeros(seen.sizes()).masked_fill_(~seen, -std::numeric_limits<float>::infinity());
}

torch::Tensor encode_positions(const AttentionPlan& plan, int d_model) {
  const std::int64_t newest = plan.left_keys + plan.block - 1;
  torch::Tensor rows = torch::empty({newest + plan.block, d_model});
  for (std::int64_t row = 0; row < rows.size(0); ++row)
    model::encode_position(newest - row, d_model, rows[row].data_ptr<float>());
  return rows;
}

}  // namespace

AttentionPlan plan_attention(AttContext context, std::int64_t frames, const torch::Tensor& lengths,
                             int d_model, torch::Device device) {
  AttentionPlan plan;
  plan.frames = frames;
  choose_blocks(context, plan);
  plan.mask = make_mask(context, plan, lengths).to(device);
  plan.positions = encode_positions(plan, d_model).to(device);
  return plan;
}

RelativeAttention::RelativeAttention(const model::EncoderConfig& config, const Parameters& parameters,
                                     const std::string& prefix)
    : heads_(config.heads),
      head_size_(config.head_size()),
      linear_q_(parameters.linear(prefix + "linear_q")),
      linear_k_(parameters.linear(prefix + "linear_k")),
      linear_v_(parameters.linear(prefix + "linear_v")),
      linear_out_(parameters.linear(prefix + "linear_out")),
      linear_pos_(parameters.linear(prefix + "linear_pos")),
      pos_bias_u_(parameters.tensor(prefix + "pos_bias_u")),
      pos_bias_v_(parameters.tensor(prefix + "pos_bias_v")) {}

torch::Tensor RelativeAttention::forward(const torch::Tensor& x, const AttentionPlan& plan,
                                         double dropout_att) const {
  const std::int64_t batch = x.size(0);
  const auto split = [&](const torch::Tensor& rows) {  // [B, T, d] -> [heads, B, T, head size]
    return rows.to(torch::kFloat).view({batch, -1, heads_, head_size_}).permute({2, 0, 1, 3});
  };
  const torch::Tensor positions = linear_pos_(plan.positions).to(torch::kFloat);
  const torch::Tensor mixed =
      attend(split(linear_q_(x)), split(linear_k_(x)), split(linear_v_(x)),
             positions.view({-1, heads_, head_size_}).permute({1, 2, 0}), plan, dropout_att);
  return linear_out_(mixed);
}

torch::Tensor RelativeAttention::attend(torch::Tensor queries, const torch::Tensor& keys,
                                        const torch::Tensor& values, const torch::Tensor& positions,
                                        const AttentionPlan& plan, double dropout_att) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const std::int64_t batch = queries.size(1);
  const std::int64_t groups = batch * plan.blocks;
  const std::int64_t tail = plan.padded() - plan.frames;
  const double scale = 1 / std::sqrt(static_cast<double>(head_size_));
  // [heads, B, T, size] -> the keys that each block sees, [heads, groups, size, keys]
  const auto windows = [&](const torch::Tensor& rows) {
    if (plan.blocks == 1) return rows.reshape({heads_, groups, plan.frames, head_size_}).transpose(2, 3);
    return torch::constant_pad_nd(rows, {0, 0, plan.left_keys, tail})
        .unfold(2, plan.keys(), plan.block)
        .reshape({heads_, groups, head_size_, plan.keys()});
  };
  const auto with_bias = [&](const torch::Tensor& bias) {
    return queries + (bias * scale).view({heads_, 1, 1, head_size_});
  };

  queries = queries * scale;
  if (tail > 0) queries = torch::constant_pad_nd(queries, {0, 0, 0, tail});
  const torch::Tensor content = with_bias(pos_bias_u_).reshape({heads_, groups, plan.block, head_size_});
  const torch::Tensor positional = with_bias(pos_bias_v_).reshape({heads_, groups * plan.block, head_size_});
  torch::Tensor scores = torch::matmul(content, windows(keys));
  torch::Tensor offsets = torch::bmm(positional, positions);  // [heads, groups * block, offsets]
  // Row i wants the offsets from block - 1 - i on: read as rows that are one shorter, they stand in place.
  const std::int64_t count = offsets.size(2);
  if (plan.block > 1) {
    offsets = offsets.view({heads_, groups, plan.block * count})
                  .narrow(2, plan.block - 1, plan.block * (count - 1))
                  .view({heads_, groups, plan.block, count - 1})
                  .narrow(3, 0, plan.keys());
  }
  scores.add_(offsets.view({heads_, groups, plan.block, plan.keys()}));
  scores.add_(plan.mask.view({groups, plan.block, plan.keys()}));
  const torch::Tensor weights = drop(torch::softmax(scores, -1), dropout_att);
  return torch::matmul(weights, windows(values).transpose(2, 3))
      .view({heads_, batch, plan.padded(), head_size_})
      .narrow(2, 0, plan.frames)
      .permute({1, 2, 0, 3})
      .reshape({batch, plan.frames, heads_ * head_size_});
}

}  // namespace glossa::train
