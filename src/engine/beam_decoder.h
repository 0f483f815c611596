// Transducer beam search, batched over streams and hypotheses. Source: NeMo malsd_batch
// (ModifiedALSDBatchedRNNTComputer): alignment-length synchronous, so every hypothesis takes blank or one
// label per round; hypotheses of equal labels are merged, and the best beam_size stay. At the end of a chunk
// those that are through wait for the others, as in NeMo's cache-aware pipeline. Behind such a border
// hypotheses of equal labels may stand at different frames; they are merged nevertheless, as there, so that a
// score is a probability within a chunk only. There, too, is settled what all hypotheses begin with, and what
// has waited for that for long enough.
//
// Beyond NeMo: a language model leaves language tags alone (lm_fusion.h), and a phrase that a hypothesis has
// not finished counts nothing when hypotheses are compared at the end of a chunk.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/greedy_decoder.h"
#include "engine/joint.h"
#include "engine/lm_fusion.h"
#include "engine/phrase_boost.h"
#include "engine/predictor.h"
#include "glossa/types.hpp"

namespace glossa::engine {

// The predictor behind some labels; hypotheses that differ in blanks alone share it.
struct Prediction {
  PredictorState state;
  std::vector<float> output;  // [joint hidden], projected
};

struct Hypothesis {
  double score = 0;           // as Alternative::score
  std::vector<Token> tokens;  // behind the settled ones
  std::shared_ptr<const Prediction> prediction;
  bool predicted = true;   // false: the prediction lacks the last label
  std::int64_t frame = 0;  // looked at next, from the start of the stream
  int symbols = 0;         // emitted at this frame
  int boost_state = PhraseBoost::kStart;
  int lm_state = LmFusion::kStart;
};

// One stream's search state, carried from chunk to chunk.
struct BeamState {
  std::vector<Hypothesis> hypotheses;  // the best first, by score per label as NeMo's score_norm
  std::int64_t frames = 0;             // encoder frames decoded so far
  std::int64_t settled = 0;            // labels that are taken from all hypotheses
};

// One stream's part of a step.
struct BeamInput {
  backend::Matrix<const float> frames;  // [count, joint hidden]: Joint::project_frames
  BeamState* state = nullptr;
  std::vector<Token>* tokens = nullptr;  // settled ones are appended
  int beam_size = 0;                     // 2 or more
  int chunk_frames = 0;                  // hypotheses wait for each other after so many
  int max_symbols = 0;                   // labels per frame at most
  // Labels are settled so many frames behind their own at the latest, or with their chunk, as the best
  // hypothesis has them: others are dropped. None: they have time until they agree.
  std::optional<int> settle_frames;
  const PhraseBoost* boost = nullptr;  // none: no label gets a bonus
  const LmFusion* lm = nullptr;        // none: every label by the model alone
  float lm_alpha = 0;
};

// Immutable; any thread may use it, each with its own workspace.
class BeamDecoder {
 public:
  BeamDecoder(const backend::Backend& backend, const Predictor& predictor, const Joint& joint, int blank_id,
              const DecoderState& initial);

  // The state at the start of a stream.
  const BeamState& initial_state() const { return initial_; }

  void decode(std::span<const BeamInput> streams, DecoderWorkspace& workspace) const;

 private:
  struct Cursor;
  struct Candidate;

  // What may follow on one hypothesis.
  void choose(const BeamInput& input, std::size_t parent, std::span<const float> logits,
              DecoderWorkspace& workspace, std::vector<Candidate>& candidates) const;
  // One round of one stream.
  void extend(const Cursor& cursor, backend::Matrix<const float> logits, DecoderWorkspace& workspace) const;
  void predict(std::span<const Cursor> cursors, DecoderWorkspace& workspace) const;

  const backend::Backend& backend_;
  const Predictor& predictor_;
  const Joint& joint_;
  int blank_id_;
  BeamState initial_;
};

}  // namespace glossa::engine
