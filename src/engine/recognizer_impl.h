// The engine behind the public Recognizer: every immutable part, and the step that runs them in the order of
// the journey.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "engine/beam_decoder.h"
#include "engine/encoder.h"
#include "engine/greedy_decoder.h"
#include "engine/prompt_fusion.h"
#include "engine/stage_tap.h"
#include "features/log_mel.h"
#include "glossa/recognizer.hpp"
#include "model/prompt_table.h"
#include "text/detokenizer.h"
#include "text/sentencepiece.h"

namespace glossa::engine {

class RecognizerImpl final : public Recognizer, public std::enable_shared_from_this<RecognizerImpl> {
 public:
  RecognizerImpl(std::shared_ptr<const checkpoint::Checkpoint> checkpoint, const RecognizerOptions& options);
  ~RecognizerImpl() override;

  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Stream> create_stream(const StreamOptions& options) const override;
  std::shared_ptr<const LanguageModel> load_language_model(const std::filesystem::path& path) const override;
  void decode(std::span<Stream* const> streams) const override { step(streams, nullptr, nullptr); }

  // `tap` may be empty, `clock` null.
  void step(std::span<Stream* const> streams, const StageTap& tap, StageClock* clock) const;

  // Parts that streams use.
  const backend::Backend& backend() const { return *backend_; }
  const WeightStore& weights() const { return store_; }
  const model::ModelConfig& config() const { return config_; }
  const features::LogMel& log_mel() const { return log_mel_; }
  const Encoder& encoder() const { return encoder_; }
  const GreedyDecoder& greedy_decoder() const { return greedy_decoder_; }
  const BeamDecoder& beam_decoder() const { return beam_decoder_; }
  const text::SentencePiece& pieces() const { return pieces_; }
  const text::Detokenizer& detokenizer() const { return detokenizer_; }
  std::span<const std::string> lang_tags() const { return lang_tags_; }
  int prompt_slot(std::string_view lang, bool unknown_is_auto) const;

 private:
  struct Workspace;
  std::unique_ptr<Workspace> borrow_workspace() const;
  void return_workspace(std::unique_ptr<Workspace> workspace) const;

  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
  const model::ModelConfig config_;
  std::shared_ptr<const backend::Backend> backend_;
  WeightStore store_;
  model::PromptTable prompts_;
  text::SentencePiece pieces_;
  text::Detokenizer detokenizer_;
  std::vector<std::string> lang_tags_;
  features::LogMel log_mel_;
  Encoder encoder_;
  std::optional<PromptFusion> prompt_fusion_;  // none for a checkpoint without prompt
  Predictor predictor_;
  Joint joint_;
  GreedyDecoder greedy_decoder_;
  BeamDecoder beam_decoder_;
  ModelInfo info_;

  mutable std::mutex workspaces_mutex_;
  mutable std::vector<std::unique_ptr<Workspace>>
      workspaces_;  // not in use; one per thread that ever decoded at once
};

}  // namespace glossa::engine
