#include "train/loss/packed_lattices.h"

#include "base/fail.h"

namespace glossa::train {
namespace {

torch::Tensor integers_on_cpu(const torch::Tensor& tensor, std::int64_t dimensions, std::int64_t batch,
                              const char* name) {
  if (!tensor.defined() || tensor.is_floating_point() || tensor.dim() != dimensions ||
      tensor.size(0) != batch)
    fail_invalid_argument("RNN-T loss: {} must be integers, {} of them as in the batch{}", name, batch,
                          dimensions == 2 ? ", [B, U]" : ", [B]");
  return tensor.to(torch::kCPU, torch::kLong).contiguous();
}

void check_length(const char* name, std::size_t utterance, std::int64_t length, std::int64_t least,
                  std::int64_t most, const char* source) {
  if (length < least || length > most)
    fail_invalid_argument("RNN-T loss: {}[{}] is {}, expected {}..{}, from {}", name, utterance, length,
                          least, most, source);
}

}  // namespace

PackedLattices pack_lattices(const PaddedSizes& padded, const torch::Tensor& targets,
                             const torch::Tensor& encoder_lengths, const torch::Tensor& target_lengths) {
  const torch::Tensor all_targets = integers_on_cpu(targets, 2, padded.batch, "targets");
  const torch::Tensor all_frames = integers_on_cpu(encoder_lengths, 1, padded.batch, "encoder_lengths");
  const torch::Tensor all_labels = integers_on_cpu(target_lengths, 1, padded.batch, "target_lengths");
  PackedLattices lattices{.padded = padded};
  lattices.first_rows.push_back(0);
  for (std::size_t b = 0; b < static_cast<std::size_t>(padded.batch); ++b) {
    const LatticeShape shape{all_frames.data_ptr<std::int64_t>()[b], all_labels.data_ptr<std::int64_t>()[b]};
    check_length("encoder_lengths", b, shape.frames, 1, padded.frames, "the frames of the batch");
    check_length("target_lengths", b, shape.labels, 0, padded.label_rows - 1,
                 "the predictor's rows, one more than labels");
    check_length("target_lengths", b, shape.labels, 0, all_targets.size(1), "the columns of targets");
    lattices.shapes.push_back(shape);
    lattices.first_rows.push_back(lattices.first_rows.back() + shape.nodes());
  }

  for (auto* tensor :
       {&lattices.utterances, &lattices.encoder_rows, &lattices.predictor_rows, &lattices.targets})
    *tensor = torch::empty({lattices.rows()}, torch::kLong);
  auto* utterances = lattices.utterances.data_ptr<std::int64_t>();
  auto* encoder_rows = lattices.encoder_rows.data_ptr<std::int64_t>();
  auto* predictor_rows = lattices.predictor_rows.data_ptr<std::int64_t>();
  auto* row_targets = lattices.targets.data_ptr<std::int64_t>();
  std::int64_t row = 0;
  for (std::int64_t b = 0; b < padded.batch; ++b) {
    const LatticeShape& shape = lattices.shapes[static_cast<std::size_t>(b)];
    const std::int64_t* labels = all_targets.data_ptr<std::int64_t>() + b * all_targets.size(1);
    for (std::int64_t u = 0; u < shape.labels; ++u) {
      if (labels[u] < 0 || labels[u] >= padded.classes - 1)
        fail_invalid_argument(
            "RNN-T loss: targets[{}][{}] is {}, expected 0..{}: {} classes, of which the last is blank", b, u,
            labels[u], padded.classes - 2, padded.classes);
    }
    for (std::int64_t t = 0; t < shape.frames; ++t) {
      for (std::int64_t u = 0; u <= shape.labels; ++u, ++row) {
        utterances[row] = b;
        encoder_rows[row] = b * padded.frames + t;
        predictor_rows[row] = b * padded.label_rows + u;
        row_targets[row] = u < shape.labels ? labels[u] : -1;
      }
    }
  }
  return lattices;
}

RowTensors make_row_tensors(std::int64_t rows) {
  return {torch::empty({rows}), torch::empty({rows}), torch::empty({rows})};
}

torch::Tensor lattice_losses(const PackedLattices& lattices, const RowTensors& log_probs,
                             double fastemit_lambda, RowTensors* posteriors) {
  torch::Tensor losses = torch::empty({lattices.padded.batch});
  float* loss = losses.data_ptr<float>();
  const auto row_span = [&](const torch::Tensor& tensor, std::int64_t b) {
    return std::span<float>(tensor.data_ptr<float>() + lattices.first_rows[static_cast<std::size_t>(b)],
                            static_cast<std::size_t>(lattices.shapes[static_cast<std::size_t>(b)].nodes()));
  };
  at::parallel_for(0, lattices.padded.batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const LatticeShape& shape = lattices.shapes[static_cast<std::size_t>(b)];
      const LatticeArcs arcs{row_span(log_probs.blank, b), row_span(log_probs.label, b)};
      double log_z = 0;
      if (posteriors == nullptr) {
        log_z = lattice_log_probability(shape, arcs);
      } else {
        const ArcPosteriors arc_posteriors{row_span(posteriors->blank, b), row_span(posteriors->label, b)};
        log_z = lattice_posteriors(shape, arcs, arc_posteriors);
        for (float& label : arc_posteriors.label) label *= static_cast<float>(1 + fastemit_lambda);
      }
      loss[b] = static_cast<float>(-(1 + fastemit_lambda) * log_z);
    }
  });
  return losses;
}

}  // namespace glossa::train
