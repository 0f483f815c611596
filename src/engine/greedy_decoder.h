// Greedy transducer search with label looping, batched over streams. Source: NeMo greedy_batch
// (rnnt_label_looping): at each frame the best label is emitted and the predictor advanced until blank wins
// or max_symbols labels came.
#pragma once

#include <span>
#include <vector>

#include "engine/joint.h"
#include "engine/lm_fusion.h"
#include "engine/phrase_boost.h"
#include "engine/predictor.h"
#include "engine/stage_clock.h"
#include "glossa/types.hpp"

namespace glossa::engine {

// One stream's search state, carried from chunk to chunk.
struct DecoderState {
  PredictorState predictor;
  std::vector<float> prediction;  // [joint hidden]: the predictor's output, projected
  std::int64_t frames = 0;        // encoder frames decoded so far
  int boost_state = PhraseBoost::kStart;
  int lm_state = LmFusion::kStart;
};

// One stream's part of a step.
struct DecoderInput {
  backend::Matrix<const float> frames;  // [count, joint hidden]: Joint::project_frames
  DecoderState* state = nullptr;
  std::vector<Token>* tokens = nullptr;  // receives what is emitted
  int max_symbols = 0;                   // labels per frame at most
  const PhraseBoost* boost = nullptr;    // none: no label gets a bonus
  const LmFusion* lm = nullptr;          // none: every label by its logit alone
  float lm_alpha = 0;
};

struct DecoderWorkspace {
  backend::Buffer hidden;
  backend::Buffer logits;
  backend::Buffer projected;
  std::vector<float> fused;      // what labels are chosen by, when not by logits alone
  std::vector<float> lm_scores;  // beam search only
  PredictorWorkspace predictor;
  StageClock* clock = nullptr;  // none: not measured
};

// Immutable; any thread may use it, each with its own workspace.
class GreedyDecoder {
 public:
  GreedyDecoder(const backend::Backend& backend, const Predictor& predictor, const Joint& joint,
                int blank_id);

  // The state at the start of a stream: the predictor has seen blank once.
  const DecoderState& initial_state() const { return initial_; }

  void decode(std::span<const DecoderInput> streams, DecoderWorkspace& workspace) const;

 private:
  const backend::Backend& backend_;
  const Predictor& predictor_;
  const Joint& joint_;
  int blank_id_;
  DecoderState initial_;
};

}  // namespace glossa::engine
