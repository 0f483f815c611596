#include "train/loss/tile_math.h"

namespace glossa::train {
namespace {

constexpr std::int64_t kMask32 = 0xFFFFFFFF;

float kept_scale(const HiddenDropout& dropout) { return static_cast<float>(1 / (1 - dropout.probability)); }

class LoopTileMath final : public TileMath {
 public:
  torch::Tensor hidden(const torch::Tensor& encoder, const torch::Tensor& predictor,
                       const PackedLattices& lattices, const torch::Tensor& rows,
                       const HiddenDropout& dropout) const override {
    const std::int64_t size = encoder.size(1);
    torch::Tensor output = torch::empty({rows.size(0), size});
    const auto* row = rows.data_ptr<std::int64_t>();
    const auto* encoder_row = lattices.encoder_rows.data_ptr<std::int64_t>();
    const auto* predictor_row = lattices.predictor_rows.data_ptr<std::int64_t>();
    const auto* encoder_data = encoder.data_ptr<float>();
    const auto* predictor_data = predictor.data_ptr<float>();
    auto* output_data = output.data_ptr<float>();
    at::parallel_for(0, rows.size(0), 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        hidden_row(encoder_data + encoder_row[row[i]] * size, predictor_data + predictor_row[row[i]] * size,
                   size, dropout, row[i], output_data + i * size);
    });
    return output;
  }

  void normalise(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                 const torch::Tensor& rows, RowTensors& log_probs) const override {
    const std::int64_t classes = logits.size(1);
    const auto* row = rows.data_ptr<std::int64_t>();
    const auto* target = lattices.targets.data_ptr<std::int64_t>();
    const auto* bias_data = bias.defined() ? bias.data_ptr<float>() : nullptr;
    auto* logits_data = logits.data_ptr<float>();
    auto* log_sum = log_probs.log_sums.data_ptr<float>();
    auto* blank = log_probs.blank.data_ptr<float>();
    auto* label = log_probs.label.data_ptr<float>();
    at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t r = row[i];
        const RowLogProbs probs = normalise_row(logits_data + i * classes, bias_data, classes, target[r]);
        log_sum[r] = probs.log_sum;
        blank[r] = probs.blank;
        label[r] = probs.label;
      }
    });
  }

  void gradient(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                const torch::Tensor& rows, const RowTensors& posteriors, const torch::Tensor& scales,
                double clamp) const override {
    const std::int64_t classes = logits.size(1);
    const auto* row = rows.data_ptr<std::int64_t>();
    const auto* target = lattices.targets.data_ptr<std::int64_t>();
    const auto* utterance = lattices.utterances.data_ptr<std::int64_t>();
    const auto* log_sum = posteriors.log_sums.data_ptr<float>();
    const auto* blank = posteriors.blank.data_ptr<float>();
    const auto* label = posteriors.label.data_ptr<float>();
    const auto* scale = scales.data_ptr<float>();
    const auto* bias_data = bias.defined() ? bias.data_ptr<float>() : nullptr;
    auto* logits_data = logits.data_ptr<float>();
    at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t r = row[i];
        float* values = logits_data + i * classes;
        gradient_row(values, bias_data, classes, {log_sum[r], blank[r], label[r], target[r]},
                     scale[utterance[r]], static_cast<float>(clamp), values);
      }
    });
  }

  void add_hidden_gradient(const torch::Tensor& hidden, const torch::Tensor& hidden_gradient,
                           const PackedLattices& lattices, const torch::Tensor& rows,
                           const HiddenDropout& dropout, torch::Tensor& encoder_gradient,
                           torch::Tensor& predictor_gradient) const override {
    const std::int64_t size = hidden.size(1);
    const auto* row = rows.data_ptr<std::int64_t>();
    const auto* encoder_row = lattices.encoder_rows.data_ptr<std::int64_t>();
    const auto* predictor_row = lattices.predictor_rows.data_ptr<std::int64_t>();
    const auto* hidden_data = hidden.data_ptr<float>();
    const auto* hidden_gradient_data = hidden_gradient.data_ptr<float>();
    auto* encoder_data = encoder_gradient.data_ptr<float>();
    auto* predictor_data = predictor_gradient.data_ptr<float>();
    // Threads share the columns, not the rows: no two write the same element, and the order of sums is fixed.
    at::parallel_for(0, size, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = 0; i < rows.size(0); ++i)
        train::add_hidden_gradient(hidden_data + i * size, hidden_gradient_data + i * size,
                                   kept_scale(dropout), begin, end, encoder_data + encoder_row[row[i]] * size,
                                   predictor_data + predictor_row[row[i]] * size);
    });
  }
};

class TorchTileMath final : public TileMath {
 public:
  torch::Tensor hidden(const torch::Tensor& encoder, const torch::Tensor& predictor,
                       const PackedLattices& lattices, const torch::Tensor& rows,
                       const HiddenDropout& dropout) const override {
    torch::Tensor output =
        encoder.index_select(0, of_rows(lattices.encoder_rows, rows, encoder.device())) +
        predictor.index_select(0, of_rows(lattices.predictor_rows, rows, predictor.device()));
    output.clamp_min_(0);
    if (dropout.probability > 0)
      output.masked_fill_(dropped(rows, encoder.size(1), dropout, encoder.device()), 0)
          .mul_(kept_scale(dropout));
    return output;
  }

  void normalise(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                 const torch::Tensor& rows, RowTensors& log_probs) const override {
    if (bias.defined()) logits.add_(bias);
    const torch::Tensor log_sums = logits.logsumexp(1);
    const torch::Tensor targets = of_rows(lattices.targets, rows, logits.device());
    const torch::Tensor labels = logits.gather(1, targets.clamp_min(0).unsqueeze(1)).squeeze(1) - log_sums;
    log_probs.log_sums.index_copy_(0, rows, log_sums.cpu());
    log_probs.blank.index_copy_(0, rows, (logits.select(1, -1) - log_sums).cpu());
    log_probs.label.index_copy_(0, rows, labels.cpu());
  }

  void gradient(torch::Tensor& logits, const torch::Tensor& bias, const PackedLattices& lattices,
                const torch::Tensor& rows, const RowTensors& posteriors, const torch::Tensor& scales,
                double clamp) const override {
    const auto column = [&](const torch::Tensor& values) {
      return of_rows(values, rows, logits.device()).unsqueeze(1);
    };
    const torch::Tensor blank = column(posteriors.blank);
    const torch::Tensor label = column(posteriors.label);  // 0 where there is no target
    if (bias.defined()) logits.add_(bias);
    logits.sub_(column(posteriors.log_sums)).exp_().mul_(blank + label);
    logits.narrow(1, logits.size(1) - 1, 1).sub_(blank);
    logits.scatter_add_(1, column(lattices.targets).clamp_min(0), -label);
    if (clamp > 0) logits.clamp_(-clamp, clamp);
    logits.mul_(column(scales.index_select(0, lattices.utterances)));
  }

  void add_hidden_gradient(const torch::Tensor& hidden, const torch::Tensor& hidden_gradient,
                           const PackedLattices& lattices, const torch::Tensor& rows,
                           const HiddenDropout& dropout, torch::Tensor& encoder_gradient,
                           torch::Tensor& predictor_gradient) const override {
    const torch::Tensor passed = hidden_gradient.masked_fill(hidden.le(0), 0).mul_(kept_scale(dropout));
    encoder_gradient.index_add_(0, of_rows(lattices.encoder_rows, rows, hidden.device()), passed);
    predictor_gradient.index_add_(0, of_rows(lattices.predictor_rows, rows, hidden.device()), passed);
  }

 private:
  static torch::Tensor of_rows(const torch::Tensor& values, const torch::Tensor& rows, torch::Device device) {
    return values.index_select(0, rows).to(device);
  }

  // The mask of hidden_row(), in 64-bit integers whose low half is what counts.
  static torch::Tensor dropped(const torch::Tensor& rows, std::int64_t size, const HiddenDropout& dropout,
                               torch::Device device) {
    torch::Tensor keys = torch::empty({2, rows.size(0), 1}, torch::kLong);
    auto* key = keys.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
      const DropoutKeys row_keys = dropout_keys(dropout.seed, rows.data_ptr<std::int64_t>()[i]);
      key[i] = row_keys.first;
      key[rows.size(0) + i] = row_keys.second;
    }
    keys = keys.to(device);
    const auto low = [](const torch::Tensor& x) { return x.bitwise_and(kMask32); };
    const auto fold = [](const torch::Tensor& x, std::int64_t by) {
      return x.bitwise_xor(x.bitwise_right_shift(by));
    };
    torch::Tensor x =
        torch::arange(size, torch::TensorOptions(torch::kLong).device(device)).mul(std::int64_t{0x9E3779B9});
    x = fold(low(x.unsqueeze(0) + keys[0]), 16);
    x = fold(low(x * std::int64_t{0x7FEB352D}), 15);
    x = low(x + keys[1]);
    x = fold(low(x * std::int64_t{0x846CA68B}), 16);
    return x.lt(static_cast<std::int64_t>(dropout_threshold(dropout.probability)));
  }
};

}  // namespace

std::unique_ptr<const TileMath> make_loop_tile_math() { return std::make_unique<LoopTileMath>(); }
std::unique_ptr<const TileMath> make_torch_tile_math() { return std::make_unique<TorchTileMath>(); }

}  // namespace glossa::train
