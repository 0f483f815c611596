#include "engine/beam_decoder.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace glossa::engine {
namespace {

using backend::Matrix;

// Labels that hypotheses have not agreed on are so many at most.
constexpr std::size_t kMostUnsettled = 512;

bool same_label(const Token& a, const Token& b) { return a.id == b.id; }

bool begins_with(std::span<const Token> tokens, std::span<const Token> first) {
  return tokens.size() >= first.size() && std::equal(first.begin(), first.end(), tokens.begin(), same_label);
}

bool same_labels(const Hypothesis& a, const Hypothesis& b) {
  return std::equal(a.tokens.rbegin(), a.tokens.rend(), b.tokens.rbegin(), b.tokens.rend(), same_label);
}

double log_sum(double a, double b) {
  const double larger = std::max(a, b);
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// NeMo's recombine_hyps_: of equal labels the best alignment stays, with the probability of all.
void merge_equal(std::vector<Hypothesis>& best_first) {
  std::vector<Hypothesis> merged;
  for (Hypothesis& hypothesis : best_first) {
    const auto equal = std::find_if(merged.begin(), merged.end(), [&](const Hypothesis& better) {
      return same_labels(better, hypothesis);
    });
    if (equal == merged.end())
      merged.push_back(std::move(hypothesis));
    else
      equal->score = log_sum(equal->score, hypothesis.score);
  }
  best_first = std::move(merged);
}

void best_first(const BeamInput& input) {
  BeamState& state = *input.state;
  const auto score_per_label = [&](const Hypothesis& hypothesis) {
    const float held = input.boost != nullptr ? input.boost->held(hypothesis.boost_state) : 0;
    const auto labels = static_cast<double>(state.settled) + static_cast<double>(hypothesis.tokens.size());
    return (hypothesis.score - held) / (labels + 1);
  };
  std::stable_sort(
      state.hypotheses.begin(), state.hypotheses.end(),
      [&](const Hypothesis& a, const Hypothesis& b) { return score_per_label(a) > score_per_label(b); });
}

// Labels of `tokens` that cannot wait for another chunk, where `frame` is searched next.
std::span<const Token> due_labels(const BeamInput& input, const std::vector<Token>& tokens,
                                  std::int64_t frame) {
  std::size_t count = tokens.size() - std::min(tokens.size(), kMostUnsettled);
  if (input.settle_frames) {
    const auto due = std::partition_point(tokens.begin(), tokens.end(), [&](const Token& token) {
      return token.frame < frame + input.chunk_frames - *input.settle_frames;
    });
    count = std::max(count, static_cast<std::size_t>(due - tokens.begin()));
  }
  return std::span(tokens).first(count);
}

// What all hypotheses begin with moves to the transcript. One that differs from the best in what is due for
// either is dropped; in which frame they have it does not count.
void settle(const BeamInput& input, std::int64_t frame) {
  std::vector<Hypothesis>& hypotheses = input.state->hypotheses;
  const std::vector<Token>& best = hypotheses.front().tokens;
  const std::span<const Token> due = due_labels(input, best, frame);
  std::erase_if(hypotheses, [&](const Hypothesis& other) {
    return !begins_with(other.tokens, due) || !begins_with(best, due_labels(input, other.tokens, frame));
  });
  auto end = best.end();
  for (const Hypothesis& other : std::span(hypotheses).subspan(1))
    end = std::mismatch(best.begin(), end, other.tokens.begin(), other.tokens.end(), same_label).first;
  const auto agreed = end - best.begin();
  input.tokens->insert(input.tokens->end(), best.begin(), end);
  input.state->settled += agreed;
  if (agreed == 0) return;
  const int last = input.tokens->back().frame;
  for (Hypothesis& hypothesis : hypotheses) {
    hypothesis.tokens.erase(hypothesis.tokens.begin(), hypothesis.tokens.begin() + agreed);
    // It may have had the settled labels earlier than the best one.
    for (Token& token : hypothesis.tokens) token.frame = std::max(token.frame, last);
  }
}

}  // namespace

// Where one stream's search stands within the step.
struct BeamDecoder::Cursor {
  const BeamInput* input = nullptr;
  std::int64_t chunk_end = 0;  // from the start of the stream
  std::int64_t first_row = 0;  // of this round's logits: one for each hypothesis that goes on

  bool goes_on(const Hypothesis& hypothesis) const { return hypothesis.frame < chunk_end; }
  bool through() const {
    const std::vector<Hypothesis>& all = input->state->hypotheses;
    return std::none_of(all.begin(), all.end(), [&](const Hypothesis& one) { return goes_on(one); });
  }
  std::int64_t step_end() const { return input->state->frames + input->frames.rows; }
  void next_chunk() { chunk_end = std::min(chunk_end + input->chunk_frames, step_end()); }
};

// A hypothesis of the next round: one of this, and what it takes.
struct BeamDecoder::Candidate {
  std::size_t parent = 0;
  std::optional<Token> token;  // none: blank, or nothing behind the end of the chunk
  double score = 0;
};

BeamDecoder::BeamDecoder(const backend::Backend& backend, const Predictor& predictor, const Joint& joint,
                         int blank_id, const DecoderState& initial)
    : backend_(backend), predictor_(predictor), joint_(joint), blank_id_(blank_id) {
  initial_.hypotheses.push_back(
      {.prediction = std::make_shared<const Prediction>(Prediction{initial.predictor, initial.prediction})});
}

void BeamDecoder::decode(std::span<const BeamInput> streams, DecoderWorkspace& workspace) const {
  std::vector<Cursor> cursors;
  for (const BeamInput& input : streams) {
    if (input.frames.rows == 0) continue;
    cursors.push_back({.input = &input, .chunk_end = input.state->frames});
    cursors.back().next_chunk();
  }
  while (!cursors.empty()) {
    enter(workspace.clock, Stage::kJoint);
    std::int64_t rows = 0;
    for (Cursor& cursor : cursors) {
      cursor.first_row = rows;
      for (const Hypothesis& hypothesis : cursor.input->state->hypotheses)
        rows += cursor.goes_on(hypothesis) ? 1 : 0;
    }
    const Matrix<float> hidden = workspace.hidden.resize(rows, joint_.hidden_size());
    for (const Cursor& cursor : cursors) {
      std::int64_t row = cursor.first_row;
      const BeamState& state = *cursor.input->state;
      for (const Hypothesis& hypothesis : state.hypotheses) {
        if (!cursor.goes_on(hypothesis)) continue;
        const Matrix<const float> prediction{hypothesis.prediction->output.data(), 1, hidden.cols,
                                             hidden.cols};
        backend_.add_relu(cursor.input->frames.rows_from(hypothesis.frame - state.frames, 1), prediction,
                          hidden.rows_from(row++, 1));
      }
    }
    const Matrix<float> logits = workspace.logits.resize(rows, joint_.outputs());
    joint_.logits(hidden, logits);
    for (const Cursor& cursor : cursors) extend(cursor, logits, workspace);
    predict(cursors, workspace);
    for (Cursor& cursor : cursors) {
      if (!cursor.through()) continue;
      best_first(*cursor.input);
      settle(*cursor.input, cursor.chunk_end);
      cursor.next_chunk();
    }
    std::erase_if(cursors, [](const Cursor& cursor) { return cursor.through(); });
  }
  for (const BeamInput& input : streams) {
    input.state->frames += input.frames.rows;
  }
}

void BeamDecoder::extend(const Cursor& cursor, Matrix<const float> logits,
                         DecoderWorkspace& workspace) const {
  const BeamInput& input = *cursor.input;
  std::vector<Hypothesis>& hypotheses = input.state->hypotheses;
  std::vector<Candidate> candidates;
  std::int64_t row = cursor.first_row;
  for (std::size_t parent = 0; parent < hypotheses.size(); ++parent) {
    if (cursor.goes_on(hypotheses[parent])) {
      const std::span<const float> own{logits.row(row++), static_cast<std::size_t>(logits.cols)};
      choose(input, parent, own, workspace, candidates);
    } else {
      candidates.push_back({.parent = parent, .score = hypotheses[parent].score});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates.size() > static_cast<std::size_t>(input.beam_size))
    candidates.resize(static_cast<std::size_t>(input.beam_size));

  std::vector<Hypothesis> next;
  for (const Candidate& candidate : candidates) {
    Hypothesis hypothesis = hypotheses[candidate.parent];
    hypothesis.score = candidate.score;
    if (candidate.token) {
      const int label = candidate.token->id;
      hypothesis.tokens.push_back(*candidate.token);
      hypothesis.predicted = false;
      ++hypothesis.symbols;
      if (input.boost != nullptr) hypothesis.boost_state = input.boost->next(hypothesis.boost_state, label);
      if (input.lm != nullptr) hypothesis.lm_state = input.lm->next(hypothesis.lm_state, label);
    } else if (cursor.goes_on(hypothesis)) {
      ++hypothesis.frame;
      hypothesis.symbols = 0;
    }
    next.push_back(std::move(hypothesis));
  }
  merge_equal(next);
  hypotheses = std::move(next);
}

void BeamDecoder::choose(const BeamInput& input, std::size_t parent, std::span<const float> logits,
                         DecoderWorkspace& workspace, std::vector<Candidate>& candidates) const {
  const Hypothesis& hypothesis = input.state->hypotheses[parent];
  const auto blank = static_cast<std::size_t>(blank_id_);
  const backend::LabelScore of_blank = backend_.label_score(logits, blank_id_);
  const float log_sum = logits[blank] - of_blank.log_prob;

  std::vector<float>& scores = workspace.fused;
  scores.resize(logits.size());
  std::transform(logits.begin(), logits.end(), scores.begin(),
                 [log_sum](float logit) { return logit - log_sum; });
  if (input.lm != nullptr) {
    workspace.lm_scores.resize(logits.size());
    input.lm->weigh(scores, hypothesis.lm_state, input.lm_alpha, workspace.lm_scores);
  }
  const bool only_blank = hypothesis.symbols >= input.max_symbols;
  if (only_blank) {
    candidates.push_back({.parent = parent, .score = hypothesis.score + scores[blank]});
    return;
  }
  std::optional<std::size_t> likeliest;  // label without phrases
  if (input.boost != nullptr) {
    likeliest = std::max_element(scores.begin(), scores.begin() + blank_id_) - scores.begin();
    const float blank_score = scores[blank];
    input.boost->add_bonuses(scores, hypothesis.boost_state);
    scores[blank] = blank_score;
  }
  const auto first = static_cast<std::ptrdiff_t>(candidates.size());
  const auto is_better = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
  for (std::size_t label = 0; label < scores.size(); ++label) {
    const double score = hypothesis.score + scores[label];
    const bool full = candidates.size() == static_cast<std::size_t>(first + input.beam_size);
    if (full && !(score > candidates.back().score)) continue;
    if (full) candidates.pop_back();
    Candidate candidate{.parent = parent, .score = score};
    if (label != blank) {
      candidate.token = Token{.id = static_cast<int>(label),
                              .frame = static_cast<int>(hypothesis.frame),
                              .log_prob = logits[label] - log_sum,
                              .confidence = of_blank.confidence,
                              .boosted = likeliest && label != *likeliest &&
                                         input.boost->next(hypothesis.boost_state, static_cast<int>(label)) !=
                                             PhraseBoost::kStart};
    }
    const auto place = std::upper_bound(candidates.begin() + first, candidates.end(), candidate, is_better);
    candidates.insert(place, candidate);
  }
}

void BeamDecoder::predict(std::span<const Cursor> cursors, DecoderWorkspace& workspace) const {
  enter(workspace.clock, Stage::kPredictor);
  std::vector<int> labels;
  std::vector<Hypothesis*> hypotheses;
  std::vector<std::shared_ptr<Prediction>> predictions;
  std::vector<PredictorState*> states;
  for (const Cursor& cursor : cursors) {
    for (Hypothesis& hypothesis : cursor.input->state->hypotheses) {
      if (hypothesis.predicted) continue;
      labels.push_back(hypothesis.tokens.back().id);
      hypotheses.push_back(&hypothesis);
      predictions.push_back(std::make_shared<Prediction>(*hypothesis.prediction));
      states.push_back(&predictions.back()->state);
    }
  }
  if (labels.empty()) return;
  const Matrix<float> projected =
      workspace.projected.resize(static_cast<std::int64_t>(labels.size()), joint_.hidden_size());
  joint_.project_predictions(predictor_.step(labels, states, workspace.predictor), projected);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    std::copy_n(projected.row(static_cast<std::int64_t>(row)), projected.cols,
                predictions[row]->output.data());
    hypotheses[row]->prediction = std::move(predictions[row]);
    hypotheses[row]->predicted = true;
  }
}

}  // namespace glossa::engine
