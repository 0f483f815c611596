#include "engine/greedy_decoder.h"

#include <algorithm>

namespace glossa::engine {
namespace {

using backend::Matrix;

// Where one stream's search stands within the step.
struct Cursor {
  const DecoderInput* input = nullptr;
  std::int64_t frame = 0;  // within the chunk
  int symbols = 0;         // emitted at this frame
  std::int64_t rows = 0;   // frames looked at in this round

  bool done() const { return frame >= input->frames.rows; }
};

// The joint's output weight is read once per round whatever the rows, so several frames are tried with the
// current prediction at once; those behind the first label are wasted. This many rows cost hardly more than
// one.
constexpr std::int64_t kRowsPerRound = 8;

}  // namespace

GreedyDecoder::GreedyDecoder(const backend::Backend& backend, const Predictor& predictor, const Joint& joint,
                             int blank_id)
    : backend_(backend), predictor_(predictor), joint_(joint), blank_id_(blank_id) {
  initial_.predictor = predictor.zero_state();
  initial_.prediction.resize(static_cast<std::size_t>(joint.hidden_size()));
  PredictorWorkspace workspace;
  PredictorState* states[] = {&initial_.predictor};
  const int start[] = {blank_id};
  joint.project_predictions(predictor.step(start, states, workspace),
                            {initial_.prediction.data(), 1, joint.hidden_size(), joint.hidden_size()});
}

void GreedyDecoder::decode(std::span<const DecoderInput> streams, DecoderWorkspace& workspace) const {
  std::vector<Cursor> cursors;
  for (const DecoderInput& input : streams) {
    if (input.frames.rows > 0) cursors.push_back({.input = &input});
  }
  std::vector<int> best;
  std::vector<int> labels;
  std::vector<DecoderState*> emitters;
  std::vector<PredictorState*> predictor_states;
  while (!cursors.empty()) {
    enter(workspace.clock, Stage::kJoint);
    const std::int64_t look_ahead =
        std::max<std::int64_t>(1, kRowsPerRound / static_cast<std::int64_t>(cursors.size()));
    std::int64_t rows = 0;
    for (Cursor& cursor : cursors) {
      cursor.rows = std::min(look_ahead, cursor.input->frames.rows - cursor.frame);
      rows += cursor.rows;
    }
    const Matrix<float> hidden = workspace.hidden.resize(rows, joint_.hidden_size());
    std::int64_t first = 0;
    for (const Cursor& cursor : cursors) {
      const Matrix<const float> prediction{cursor.input->state->prediction.data(), cursor.rows, hidden.cols,
                                           /*stride=*/0};
      backend_.add_relu(cursor.input->frames.rows_from(cursor.frame, cursor.rows), prediction,
                        hidden.rows_from(first, cursor.rows));
      first += cursor.rows;
    }
    const Matrix<float> logits = workspace.logits.resize(rows, joint_.outputs());
    joint_.logits(hidden, logits);
    best.resize(static_cast<std::size_t>(rows));
    backend_.argmax(logits, best);

    labels.clear();
    emitters.clear();
    predictor_states.clear();
    first = 0;
    for (Cursor& cursor : cursors) {
      const std::int64_t looked_at = cursor.rows;
      for (std::int64_t row = first; row < first + looked_at; ++row) {
        int label = best[static_cast<std::size_t>(row)];
        if (label == blank_id_) {
          ++cursor.frame;
          cursor.symbols = 0;
          continue;
        }
        DecoderState& state = *cursor.input->state;
        const std::span<const float> own{logits.row(row), static_cast<std::size_t>(logits.cols)};
        std::span<const float> scores = own;
        if (const LmFusion* lm = cursor.input->lm; lm != nullptr && !lm->is_tag(label)) {
          workspace.fused.resize(own.size());
          label = lm->choose(own, state.lm_state, cursor.input->lm_alpha, workspace.fused);
          scores = workspace.fused;
        }
        bool boosted = false;
        if (const PhraseBoost* boost = cursor.input->boost) {
          const int without = label;
          label = boost->choose(scores, without, state.boost_state);
          boosted = label != without;
          state.boost_state = boost->next(state.boost_state, label);
        }
        if (const LmFusion* lm = cursor.input->lm) state.lm_state = lm->next(state.lm_state, label);
        const backend::LabelScore score = backend_.label_score(own, label);
        cursor.input->tokens->push_back({.id = label,
                                         .frame = static_cast<int>(state.frames + cursor.frame),
                                         .log_prob = score.log_prob,
                                         .confidence = score.confidence,
                                         .boosted = boosted});
        labels.push_back(label);
        emitters.push_back(&state);
        predictor_states.push_back(&state.predictor);
        if (++cursor.symbols >= cursor.input->max_symbols) {
          ++cursor.frame;
          cursor.symbols = 0;
        }
        break;
      }
      first += looked_at;
    }
    if (!labels.empty()) {
      enter(workspace.clock, Stage::kPredictor);
      const auto count = static_cast<std::int64_t>(labels.size());
      const Matrix<float> projected = workspace.projected.resize(count, joint_.hidden_size());
      joint_.project_predictions(predictor_.step(labels, predictor_states, workspace.predictor), projected);
      for (std::int64_t row = 0; row < count; ++row) {
        std::copy_n(projected.row(row), projected.cols,
                    emitters[static_cast<std::size_t>(row)]->prediction.data());
      }
    }
    std::erase_if(cursors, [](const Cursor& cursor) { return cursor.done(); });
  }
  for (const DecoderInput& input : streams) input.state->frames += input.frames.rows;
}

}  // namespace glossa::engine
