#include "engine/drafted_stream.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/fail.h"
#include "engine/recognizer_impl.h"

namespace glossa::engine {
namespace {

constexpr std::int64_t kComparedFrames = 38;  // before what is settled ends: three seconds, a few words
constexpr std::int64_t kNearFrames = 6;       // a label is written that much sooner or later at most
constexpr int kSame = 2;                      // for a label that both have ...
constexpr int kDifferent = -1;                // ... for another one, and for one that only one of them has

StreamOptions draft_of(StreamOptions options) {
  options.att_context = options.draft_att_context;
  options.beam_size = 1;
  return options;
}

std::size_t first_at(std::span<const Token> tokens, std::int64_t frame) {
  const auto found = std::partition_point(tokens.begin(), tokens.end(),
                                          [&](const Token& token) { return token.frame < frame; });
  return static_cast<std::size_t>(found - tokens.begin());
}

std::span<const Token> from(std::span<const Token> tokens, std::int64_t frame) {
  return tokens.subspan(first_at(tokens, frame));
}

}  // namespace

std::size_t behind(std::span<const Token> settled, std::span<const Token> draft, std::int64_t frame) {
  const std::size_t skipped = first_at(draft, frame - kComparedFrames);
  const std::span<const Token> mine = from(settled, frame - kComparedFrames);
  const std::span<const Token> others = draft.subspan(skipped);
  // The best alignment of the end of `mine` with the end of the first labels of `others`; 0: they do not
  // agree.
  std::vector<int> scores(others.size() + 1, 0);
  for (const Token& token : mine) {
    int diagonal = std::exchange(scores[0], 0);
    for (std::size_t count = 1; count < scores.size(); ++count) {
      const int paired = diagonal + (others[count - 1].id == token.id ? kSame : kDifferent);
      diagonal = scores[count];
      scores[count] = std::max({0, paired, scores[count] + kDifferent, scores[count - 1] + kDifferent});
    }
  }
  const std::size_t first = first_at(others, frame - kNearFrames);
  const std::size_t last = first_at(others, frame + kNearFrames);
  const auto by_time = static_cast<std::ptrdiff_t>(first_at(others, frame));
  std::size_t best = static_cast<std::size_t>(by_time);
  const auto distance = [&](std::size_t count) {
    return std::abs(static_cast<std::ptrdiff_t>(count) - by_time);
  };
  for (std::size_t count = first; count <= last; ++count) {
    const bool nearer = scores[count] == scores[best] && distance(count) < distance(best);
    if (scores[count] > scores[best] || nearer) best = count;
  }
  return skipped + best;
}

DraftedStream::DraftedStream(std::shared_ptr<const RecognizerImpl> recognizer, const StreamOptions& options)
    : settled_(recognizer, options), draft_(std::move(recognizer), draft_of(options)) {
  const AttContext settled = settled_.att_context();
  const AttContext draft = draft_.att_context();
  if (draft.chunk_frames() >= settled.chunk_frames()) {
    fail_invalid_argument("draft_att_context is [{},{}], expected shorter chunks than those of [{},{}]",
                          draft.left, draft.right, settled.left, settled.right);
  }
}

void DraftedStream::accept_waveform(std::span<const float> pcm) {
  settled_.accept_waveform(pcm);
  draft_.accept_waveform(pcm);
}

void DraftedStream::input_finished() {
  settled_.input_finished();
  draft_.input_finished();
  input_finished_ = true;
}

bool DraftedStream::is_ready() const { return settled_.is_ready() || (needs_draft() && draft_.is_ready()); }

std::vector<StreamImpl*> DraftedStream::ready_searches() {
  std::vector<StreamImpl*> ready = needs_draft() ? draft_.ready_searches() : std::vector<StreamImpl*>();
  if (settled_.is_ready()) ready.push_back(&settled_);
  return ready;
}

Transcript DraftedStream::drafted() const {
  if (!needs_draft()) return settled_.drafted();
  const std::span<const Token> unsettled = settled_.unsettled();
  std::vector<Token> more(unsettled.begin(), unsettled.end());
  std::vector<Token> heard = last_settled();
  heard.insert(heard.end(), more.begin(), more.end());
  const std::span<const Token> rest =
      draft_.tokens().subspan(behind(heard, draft_.tokens(), settled_.decoded_frames()));
  // The draft may have written a label sooner than the one before it: words do not end before they begin.
  const int last = heard.empty() ? 0 : heard.back().frame;
  for (Token token : rest) {
    token.frame = std::max(token.frame, last);
    more.push_back(token);
  }
  Transcript whole = settled_.continued(more);
  whole.decoded = std::max(whole.decoded, draft_.decoded_seconds());
  return whole;
}

std::vector<Token> DraftedStream::last_settled() const {
  const std::int64_t first = settled_.decoded_frames() - kComparedFrames;
  const std::span<const Token> forgotten = from(last_forgotten_, first);
  const std::span<const Token> held = from(settled_.tokens(), first);
  std::vector<Token> last(forgotten.begin(), forgotten.end());
  last.insert(last.end(), held.begin(), held.end());
  return last;
}

void DraftedStream::forget_closed() {
  std::vector<Token> last = last_settled();
  settled_.forget_closed();
  last.resize(last.size() - std::min(last.size(), settled_.tokens().size()));
  last_forgotten_ = std::move(last);
  draft_.forget_tokens(first_at(draft_.tokens(), settled_.decoded_frames() - kComparedFrames));
}

void DraftedStream::set_target_lang(std::string_view lang) {
  settled_.set_target_lang(lang);
  draft_.set_target_lang(lang);
}

void DraftedStream::reset() {
  settled_.reset();
  draft_.reset();
  last_forgotten_.clear();
  input_finished_ = false;
}

}  // namespace glossa::engine
