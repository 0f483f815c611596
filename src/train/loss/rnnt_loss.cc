// Both losses walk over tiles of the packed lattices twice. Forward: logits -> log-probabilities of the two
// arcs of each node -> losses and arc posteriors, which is all that is kept. Backward: logits again -> their
// gradient, in place -> gradients of what they were made from. On devices other than the CPU the products and
// the tile's arithmetic run there as torch operations; the lattices themselves are computed on the CPU from a
// copy of the log-probabilities.
#include "train/loss/rnnt_loss.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "train/loss/rnnt_loss_internal.h"
#include "train/loss/tile_math.h"

namespace glossa::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the forward pass leaves for the backward pass, apart from the inputs.
struct LossState : torch::CustomClassHolder {
  PackedLattices lattices;
  RnntLossOptions options;
  HiddenDropout dropout;
  bool wants_gradient = false;
  std::unique_ptr<const TileMath> math;
  RowTensors posteriors;  // and log-sums
  Tensor kept_logits;  // [rows, V] with bias, when all of them and a copy fit into one tile; else undefined

  std::int64_t tile_rows() const {
    const std::int64_t row_bytes = lattices.padded.classes * static_cast<std::int64_t>(sizeof(float));
    return std::clamp<std::int64_t>(options.tile_bytes / row_bytes, 1, lattices.rows());
  }
};
using StatePointer = c10::intrusive_ptr<LossState>;

StatePointer make_state(const PaddedSizes& padded, const Tensor& targets, const Tensor& encoder_lengths,
                        const Tensor& target_lengths, const RnntLossOptions& options, torch::Device device) {
  if (padded.batch < 1 || padded.classes < 2)
    fail_invalid_argument("RNN-T loss: {} utterances and {} classes, expected at least 1 and 2", padded.batch,
                          padded.classes);
  if (options.tile_bytes < 1)
    fail_invalid_argument("RNN-T loss: tile_bytes is {}, expected a positive number", options.tile_bytes);
  if (!(options.fastemit_lambda >= 0))
    fail_invalid_argument("RNN-T loss: fastemit_lambda is {}, expected 0 or more", options.fastemit_lambda);
  auto state = c10::make_intrusive<LossState>();
  state->lattices = pack_lattices(padded, targets, encoder_lengths, target_lengths);
  state->options = options;
  const bool loops = device.is_cpu() && !rnnt_loss_internals().force_torch_operations;
  state->math = loops ? make_loop_tile_math() : make_torch_tile_math();
  return state;
}

StatePointer saved_state(AutogradContext* context) {
  if (torch::GradMode::is_enabled()) fail_invalid_argument("RNN-T loss: it has no second derivative");
  return c10::static_intrusive_pointer_cast<LossState>(context->saved_data["state"].toCapsule());
}

// Losses on the CPU; keeps the posteriors when there will be a backward pass.
Tensor finish_forward(AutogradContext* context, const StatePointer& state, const RowTensors& log_probs) {
  rnnt_loss_internals().nodes = state->lattices.rows();
  const double lambda = state->options.fastemit_lambda;
  if (!state->wants_gradient) return lattice_losses(state->lattices, log_probs, lambda, nullptr);
  state->posteriors = make_row_tensors(state->lattices.rows());
  state->posteriors.log_sums = log_probs.log_sums;
  context->saved_data["state"] = c10::IValue::make_capsule(state);
  return lattice_losses(state->lattices, log_probs, lambda, &state->posteriors);
}

// The rows that have a gradient, cut into tiles.
std::vector<Tensor> backward_tiles(const LossState& state) {
  const Tensor occupancy = state.posteriors.blank + state.posteriors.label;
  // Not a number is not negligible: it has to arrive at the parameters.
  const Tensor rows = occupancy.lt(rnnt_loss_internals().negligible_occupancy)
                          .logical_not_()
                          .nonzero()
                          .squeeze(1)
                          .contiguous();
  rnnt_loss_internals().backward_nodes = rows.size(0);
  if (rows.size(0) == 0) return {};
  return rows.split(state.tile_rows());
}

Tensor utterance_scales(const Tensor& losses_gradient) {
  return losses_gradient.to(torch::kCPU, torch::kFloat).contiguous();
}

class JointLoss : public torch::autograd::Function<JointLoss> {
 public:
  // encoder [B * T, H], predictor [B * (U + 1), H], f32 and contiguous as the others.
  static Tensor forward(AutogradContext* context, const Tensor& encoder, const Tensor& predictor,
                        const Tensor& weight, const Tensor& bias, const StatePointer& state) {
    context->save_for_backward({encoder, predictor, weight, bias});
    const PackedLattices& lattices = state->lattices;
    const std::int64_t logits_bytes =
        lattices.rows() * weight.size(0) * static_cast<std::int64_t>(sizeof(float));
    const bool keep = state->wants_gradient && logits_bytes <= state->options.tile_bytes / 2;
    Tensor tile = torch::empty({state->tile_rows(), weight.size(0)}, weight.options());
    RowTensors log_probs = make_row_tensors(lattices.rows());
    for (const Tensor& rows : torch::arange(lattices.rows(), torch::kLong).split(state->tile_rows())) {
      const Tensor hidden = state->math->hidden(encoder, predictor, lattices, rows, state->dropout);
      Tensor logits = tile.narrow(0, 0, rows.size(0));
      at::mm_out(logits, hidden, weight.t());
      state->math->normalise(logits, bias, lattices, rows, log_probs);
    }
    if (keep) state->kept_logits = tile;
    return finish_forward(context, state, log_probs).to(encoder.device());
  }

  static variable_list backward(AutogradContext* context, const variable_list& losses_gradient) {
    const StatePointer state = saved_state(context);
    const variable_list saved = context->get_saved_variables();
    const Tensor &encoder = saved[0], &predictor = saved[1], &weight = saved[2], &bias = saved[3];
    const bool wants_hidden = context->needs_input_grad(0) || context->needs_input_grad(1);
    const bool wants_weight = context->needs_input_grad(2);
    const bool wants_bias = context->needs_input_grad(3);
    Tensor encoder_gradient, predictor_gradient, weight_gradient, bias_gradient;
    if (wants_hidden) encoder_gradient = torch::zeros_like(encoder);
    if (wants_hidden) predictor_gradient = torch::zeros_like(predictor);
    if (wants_weight) weight_gradient = torch::zeros_like(weight);
    if (wants_bias) bias_gradient = torch::zeros_like(bias);

    const TileMath& math = *state->math;
    const Tensor scales = utterance_scales(losses_gradient[0]);
    const bool kept = state->kept_logits.defined();
    Tensor tile;
    for (const Tensor& rows : backward_tiles(*state)) {
      const Tensor hidden = math.hidden(encoder, predictor, state->lattices, rows, state->dropout);
      Tensor logits;
      if (kept) {
        logits = state->kept_logits.index_select(0, rows.to(weight.device()));
      } else {
        if (!tile.defined()) tile = torch::empty({rows.size(0), weight.size(0)}, weight.options());
        logits = tile.narrow(0, 0, rows.size(0));
        at::mm_out(logits, hidden, weight.t());
      }
      math.gradient(logits, kept ? Tensor() : bias, state->lattices, rows, state->posteriors, scales,
                    state->options.clamp);
      if (wants_weight) weight_gradient.addmm_(logits.t(), hidden);
      if (wants_bias) bias_gradient.add_(logits.sum(0));
      if (wants_hidden)
        math.add_hidden_gradient(hidden, logits.mm(weight), state->lattices, rows, state->dropout,
                                 encoder_gradient, predictor_gradient);
    }
    return {encoder_gradient, predictor_gradient, weight_gradient, bias_gradient, Tensor()};
  }
};

class LogitsLoss : public torch::autograd::Function<LogitsLoss> {
 public:
  // logits [B * T * (U + 1), V], contiguous.
  static Tensor forward(AutogradContext* context, const Tensor& logits, const StatePointer& state) {
    context->save_for_backward({logits});
    const PackedLattices& lattices = state->lattices;
    RowTensors log_probs = make_row_tensors(lattices.rows());
    for (const Tensor& rows : torch::arange(lattices.rows(), torch::kLong).split(state->tile_rows())) {
      Tensor tile = logits.index_select(0, padded_rows(lattices, rows, logits.device()));
      state->math->normalise(tile, {}, lattices, rows, log_probs);
    }
    return finish_forward(context, state, log_probs).to(logits.device());
  }

  static variable_list backward(AutogradContext* context, const variable_list& losses_gradient) {
    const StatePointer state = saved_state(context);
    const Tensor logits = context->get_saved_variables()[0];
    const Tensor scales = utterance_scales(losses_gradient[0]);
    Tensor logits_gradient = torch::zeros_like(logits);
    for (const Tensor& rows : backward_tiles(*state)) {
      const Tensor places = padded_rows(state->lattices, rows, logits.device());
      Tensor tile = logits.index_select(0, places);
      state->math->gradient(tile, {}, state->lattices, rows, state->posteriors, scales, state->options.clamp);
      logits_gradient.index_copy_(0, places, tile);
    }
    return {logits_gradient, Tensor()};
  }

 private:
  // (b T + t) (U + 1) + u
  static Tensor padded_rows(const PackedLattices& lattices, const Tensor& rows, torch::Device device) {
    const std::int64_t width = lattices.padded.label_rows;
    const Tensor label_rows = lattices.predictor_rows - lattices.utterances * width;
    return (lattices.encoder_rows * width + label_rows).index_select(0, rows).to(device);
  }
};

}  // namespace

RnntLossInternals& rnnt_loss_internals() {
  static RnntLossInternals internals;
  return internals;
}

Tensor rnnt_joint_loss(const Tensor& encoder, const Tensor& predictor, const Tensor& weight,
                       const Tensor& bias, const Tensor& targets, const Tensor& encoder_lengths,
                       const Tensor& target_lengths, const RnntLossOptions& options, double dropout,
                       std::uint64_t seed) {
  if (encoder.dim() != 3 || predictor.dim() != 3 || weight.dim() != 2 || bias.dim() != 1 ||
      predictor.size(0) != encoder.size(0) || predictor.size(2) != encoder.size(2) ||
      weight.size(1) != encoder.size(2) || bias.size(0) != weight.size(0))
    fail_invalid_argument(
        "RNN-T loss: encoder [{}], predictor [{}], weight [{}], bias [{}] do not fit; expected [B, T, H], "
        "[B, U + 1, H], [V, H], [V]",
        fmt::join(encoder.sizes(), ", "), fmt::join(predictor.sizes(), ", "), fmt::join(weight.sizes(), ", "),
        fmt::join(bias.sizes(), ", "));
  if (!(dropout >= 0 && dropout < 1))
    fail_invalid_argument("RNN-T loss: dropout is {}, expected 0 or more and less than 1", dropout);
  const PaddedSizes padded{encoder.size(0), encoder.size(1), predictor.size(1), weight.size(0)};
  const StatePointer state =
      make_state(padded, targets, encoder_lengths, target_lengths, options, encoder.device());
  state->dropout = {dropout, seed};
  state->wants_gradient =
      torch::GradMode::is_enabled() && (encoder.requires_grad() || predictor.requires_grad() ||
                                        weight.requires_grad() || bias.requires_grad());
  // f32 whatever comes: the conversions are part of the graph.
  const auto rows_of = [](const Tensor& tensor) {
    return tensor.to(torch::kFloat).reshape({-1, tensor.size(2)}).contiguous();
  };
  return JointLoss::apply(rows_of(encoder), rows_of(predictor), weight.to(torch::kFloat).contiguous(),
                          bias.to(torch::kFloat).contiguous(), state);
}

Tensor rnnt_loss(const Tensor& logits, const Tensor& targets, const Tensor& encoder_lengths,
                 const Tensor& target_lengths, const RnntLossOptions& options) {
  if (logits.dim() != 4)
    fail_invalid_argument("RNN-T loss: logits are [{}], expected [B, T, U + 1, V]",
                          fmt::join(logits.sizes(), ", "));
  const PaddedSizes padded{logits.size(0), logits.size(1), logits.size(2), logits.size(3)};
  const StatePointer state =
      make_state(padded, targets, encoder_lengths, target_lengths, options, logits.device());
  state->wants_gradient = torch::GradMode::is_enabled() && logits.requires_grad();
  return LogitsLoss::apply(logits.to(torch::kFloat).reshape({-1, padded.classes}).contiguous(), state);
}

}  // namespace glossa::train
