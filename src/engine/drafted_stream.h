// Draft and settle: two searches of one sound. The one of longer chunks makes the transcript; what the other
// has heard in the meantime stands behind it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/stream.h"

namespace glossa::engine {

class DraftedStream final : public EngineStream {
 public:
  // Error kInvalidArgument as StreamImpl, and for a draft whose chunks are no shorter.
  DraftedStream(std::shared_ptr<const RecognizerImpl> recognizer, const StreamOptions& options);

  void accept_waveform(std::span<const float> pcm) override;
  void input_finished() override;
  bool is_ready() const override;
  const Transcript& transcript() const override { return settled_.transcript(); }
  Transcript drafted() const override;
  std::vector<Alternative> alternatives() const override { return settled_.alternatives(); }
  void forget_closed() override;
  void set_target_lang(std::string_view lang) override;
  void reset() override;

  const RecognizerImpl& recognizer() const override { return settled_.recognizer(); }
  std::vector<StreamImpl*> ready_searches() override;

 private:
  // Nothing will be asked of the draft when the transcript is complete.
  bool needs_draft() const { return !input_finished_ || settled_.is_ready(); }

  // Of the last seconds before what is settled ends, what forget_closed() has dropped included.
  std::vector<Token> last_settled() const;

  StreamImpl settled_;
  StreamImpl draft_;
  std::vector<Token> last_forgotten_;
  bool input_finished_ = false;
};

// Where `draft` goes on behind `settled`, both of one sound: an index into it. Frames alone do not tell, for
// one search may write a label some frames before the other, on the other side of `frame`, where what is
// settled ends. Of all places within half a second the one is taken at which the labels before agree best,
// and of equally good ones the nearest to `frame`. Linear in both, but only the last seconds count.
std::size_t behind(std::span<const Token> settled, std::span<const Token> draft, std::int64_t frame);

}  // namespace glossa::engine
