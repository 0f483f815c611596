// One utterance: its audio in front of the engine, its caches inside, its transcript behind.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/beam_decoder.h"
#include "engine/encoder_cache.h"
#include "engine/greedy_decoder.h"
#include "features/streaming_log_mel.h"
#include "glossa/recognizer.hpp"
#include "model/prompt_table.h"
#include "model/streaming_geometry.h"
#include "text/detokenizer.h"

namespace glossa::engine {

class RecognizerImpl;
class StreamImpl;

// A stream as the engine's step sees it.
class EngineStream : public Stream {
 public:
  virtual const RecognizerImpl& recognizer() const = 0;
  virtual std::vector<StreamImpl*> ready_searches() = 0;  // those that have a chunk for the next step
};

// The mel frames of one step of one stream.
struct MelChunk {
  std::vector<float> mels;  // [frames, mels], old frames first
  std::int64_t frames = 0;
  std::int64_t old_frames = 0;   // fed again: an earlier chunk has had them (or zeros before the first)
  bool window = false;           // subsampled by itself: nothing is kept in the subsampling's cache
  bool finish = false;           // no frame will follow: the subsampling pads on the right
  std::int64_t drop_frames = 0;  // encoder frames lost to the old frames
};

class StreamImpl final : public EngineStream {
 public:
  StreamImpl(std::shared_ptr<const RecognizerImpl> recognizer, StreamOptions options);
  ~StreamImpl() override;

  void accept_waveform(std::span<const float> pcm) override;
  void input_finished() override;
  bool is_ready() const override;
  const Transcript& transcript() const override;
  Transcript drafted() const override;
  std::vector<Alternative> alternatives() const override;
  void forget_closed() override;
  void set_target_lang(std::string_view lang) override;
  void reset() override;

  // For the engine's step, and for tests that look inside.
  const RecognizerImpl& recognizer() const override { return *recognizer_; }
  std::vector<StreamImpl*> ready_searches() override;
  MelChunk take_chunk();  // only when is_ready()
  EncoderCache& encoder_cache() { return cache_; }
  int prompt_slot() const { return prompt_slot_; }
  bool has_beam() const { return options_.beam_size > 1; }
  // The search of this step; `frames` are Joint::project_frames of it.
  DecoderInput greedy_input(backend::Matrix<const float> frames);
  BeamInput beam_input(backend::Matrix<const float> frames);
  DecoderState& decoder_state() { return decoder_state_; }

  // For a stream of several searches.
  AttContext att_context() const { return context_; }
  std::span<const Token> tokens() const { return transcript_.tokens; }
  std::span<const Token> unsettled() const;  // of the best hypothesis, behind transcript()'s
  std::int64_t decoded_frames() const { return has_beam() ? beam_.frames : decoder_state_.frames; }
  double decoded_seconds() const { return seconds_of(decoded_frames()); }  // Transcript::decoded
  // transcript() as it would be with these tokens behind its own.
  Transcript continued(std::span<const Token> more) const;
  // The first `count` of them, which greedy search never needs again.
  void forget_tokens(std::size_t count);

 private:
  std::vector<float> no_old_mels() const;
  std::int64_t pending_mels() const;
  std::int64_t chunk_mels() const;  // new mel frames that the next whole chunk takes
  bool has_tail() const;            // what is left after the end of the audio makes one more chunk
  std::int64_t sound_samples() const { return sound_samples_.value_or(log_mel_.samples()); }
  double end_of_sound() const;                   // seconds, in whole encoder frames
  double seconds_of(std::int64_t frames) const;  // within the sound
  std::int64_t settled_frames() const;
  bool is_complete() const { return input_finished_ && !is_ready(); }
  void describe_tokens() const;
  // The text of tokens from `first_token` on, which begins the stream or stands behind a language tag.
  std::string text_of(std::span<const Token> tokens, std::size_t first_token) const;
  void cut_to_closed(Transcript& transcript) const;
  void append_described(Transcript& transcript, std::size_t first_token, std::size_t last_token) const;
  void trim_times(Transcript& transcript) const;

  std::shared_ptr<const RecognizerImpl> recognizer_;
  StreamOptions options_;
  AttContext context_;
  model::StreamingGeometry geometry_;
  int max_symbols_;
  std::optional<int> settle_frames_;
  std::optional<PhraseBoost> boost_;
  const LmFusion* lm_;  // of options_; null: none
  int prompt_slot_;

  features::StreamingLogMel log_mel_;
  std::vector<float> mels_;  // frames from the front end; those before taken_rows_ are done with
  std::int64_t taken_rows_ = 0;
  std::int64_t taken_mels_ = 0;  // new frames given to the encoder since the start
  std::vector<float> old_mels_;  // the last geometry_.mel_overlap frames taken, zeros at the start
  bool started_ = false;
  bool input_finished_ = false;
  std::optional<std::int64_t> sound_samples_;  // without the silence behind them; none: all so far

  EncoderCache cache_;
  DecoderState decoder_state_;  // of greedy search
  BeamState beam_;              // of beam search

  mutable Transcript transcript_;
  mutable std::size_t unagreed_ = 0;  // labels at its end that not all hypotheses have, once it is complete
  // How far transcript_ describes its tokens. What is before the last settled language tag never changes
  // again, so that a step of a long stream costs no more than one of a short.
  struct Described {
    std::size_t tokens = 0;
    std::size_t closed_tokens = 0;
    std::size_t closed_bytes = 0;  // of the text
    double closed_score = 0;
    std::size_t closed_words = 0;
    std::size_t closed_sentences = 0;
    std::string closed_language;  // of the first tag closed
  };
  mutable Described described_;
};

}  // namespace glossa::engine
