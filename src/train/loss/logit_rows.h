// Loops over one row of logits or of the joint's hidden layer: what would take torch several passes over
// memory. Plain C++, no tensors, no threads of its own.
#pragma once

#include <cstdint>

#include "train/dropout_mask.h"

namespace glossa::train {

// The hidden layer's dropout, by the mask of its seed (train/dropout_mask.h).
struct HiddenDropout {
  double probability = 0;
  std::uint64_t seed = 0;
};

// hidden = dropout(relu(encoder + predictor)).
void hidden_row(const float* encoder, const float* predictor, std::int64_t size, const HiddenDropout& dropout,
                std::int64_t row, float* hidden);

// Where the hidden element is positive, its gradient times `scale` is added to both; columns [begin, end).
void add_hidden_gradient(const float* hidden, const float* hidden_gradient, float scale, std::int64_t begin,
                         std::int64_t end, float* encoder_gradient, float* predictor_gradient);

struct RowLogProbs {
  float log_sum = 0;  // log sum exp of the row
  float blank = 0;    // log-probability of the last class
  float label = 0;    // of the given label; 0 when that is negative
};

// Adds the bias, which may be null, in place.
RowLogProbs normalise_row(float* logits, const float* bias, std::int64_t classes, std::int64_t label);

// What one row's gradient is made of.
struct RowPosteriors {
  float log_sum = 0;
  float blank = 0;          // of the row's arcs
  float label = 0;          // times 1 + lambda
  std::int64_t target = 0;  // negative: no such arc
};

// gradient_k = scale * clamp((blank + label) p_k - [k = blank] blank - [k = target] label). This is the
// formula of rnnt_loss.h, because the two arcs' posteriors add up to the node's: exp(alpha + beta - log Z).
// clamp: off when <= 0. The bias, which may be null, is added to the logits first. gradient may be logits.
void gradient_row(const float* logits, const float* bias, std::int64_t classes, const RowPosteriors& row,
                  float scale, float clamp, float* gradient);

}  // namespace glossa::train
