#include "serve/logprobs.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "serve/growing_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;
using Run = std::pair<std::size_t, std::size_t>;

int frame_at(double seconds, double frame_seconds) {
  return static_cast<int>(std::lround(seconds / frame_seconds));
}

// Tokens by their frames. What the model wrote only in the silence behind the sound counts as of its last
// frame, as in the times of words.
class Frames {
 public:
  Frames(const Transcript& transcript, double frame_seconds)
      : tokens_(transcript.tokens), last_(frame_at(transcript.decoded, frame_seconds) - 1) {}

  // The first token, from `from` on, that is in `frame` or a later one.
  std::size_t first_in(std::size_t from, int frame) const {
    if (frame > last_) return tokens_.size();
    const auto found = std::lower_bound(tokens_.begin() + static_cast<std::ptrdiff_t>(from), tokens_.end(),
                                        frame, [](const Token& token, int at) { return token.frame < at; });
    return static_cast<std::size_t>(found - tokens_.begin());
  }

 private:
  std::span<const Token> tokens_;
  int last_;
};

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c != ' '; }));
}

// Where the run of a word ends that begins with `first`, of all places from `least` to `most` that explain
// its confidence.
std::size_t end_of(const Word& word, std::span<const Token> tokens, std::size_t first, std::size_t least,
                   std::size_t most, bool is_nearest) {
  float smallest = 1;
  std::size_t end = most;
  for (std::size_t at = first; at < most; ++at) {
    smallest = std::min(smallest, tokens[at].confidence);
    if (at + 1 < least || smallest != word.confidence) continue;
    end = at + 1;
    if (is_nearest) break;
  }
  return end;
}

}  // namespace

std::vector<Run> runs_of_words(std::span<const Word> words, const Transcript& transcript,
                               double frame_seconds) {
  const Frames frames(transcript, frame_seconds);
  std::vector<Run> runs;
  std::size_t from = 0;
  for (std::size_t index = 0; index < words.size(); ++index) {
    const Word& word = words[index];
    const int end_frame = frame_at(word.end, frame_seconds);
    const std::size_t first = frames.first_in(from, frame_at(word.start, frame_seconds));
    std::size_t most = frames.first_in(first, end_frame);
    const std::size_t least = std::min(most, frames.first_in(first, end_frame - 1) + 1);
    std::size_t next = index + 1;
    // Each that begins in the frame has one token there at least.
    for (; next < words.size() && frame_at(words[next].start, frame_seconds) < end_frame && most > least;
         ++next)
      --most;
    from = end_of(word, transcript.tokens, first, least, most, /*is_nearest=*/next > index + 1);
    runs.emplace_back(first, from);
  }
  return runs;
}

std::vector<Run> runs_of_sentences(const Transcript& transcript, double frame_seconds) {
  const std::vector<Run> words = runs_of_words(transcript.words, transcript, frame_seconds);
  std::vector<Run> runs;
  std::size_t word = 0;
  for (const Sentence& sentence : transcript.sentences) {
    const std::size_t first = word < words.size() ? words[word].first : transcript.tokens.size();
    while (word < words.size() && transcript.words[word].end <= sentence.end + frame_seconds / 2) ++word;
    runs.emplace_back(first, word < words.size() ? words[word].first : transcript.tokens.size());
  }
  return runs;
}

json logprobs_json(const Transcript& transcript, double frame_seconds) {
  GrowingLogprobs whole(frame_seconds);
  whole.close(transcript.words, transcript);
  return whole.all();
}

json GrowingLogprobs::take(std::span<const Word> words, const Transcript& transcript,
                           std::string_view delta) {
  bytes_ += letters(delta);
  std::size_t count = words_;
  for (; count < words.size() && letters(words[count].text) <= bytes_; ++count)
    bytes_ -= letters(words[count].text);
  return add(words.first(count), transcript);
}

void GrowingLogprobs::close(std::span<const Word> words, const Transcript& transcript) {
  add(words, transcript);
  words_ = 0;
  bytes_ = 0;
}

json GrowingLogprobs::add(std::span<const Word> words, const Transcript& transcript) {
  json added = json::array();
  if (words_ >= words.size()) return added;
  const std::size_t known = words_ > 0 ? 1 : 0;  // which tokens are whose begins with the word before
  const std::span<const Word> more = words.subspan(words_ - known);
  const std::vector<Run> runs = runs_of_words(more, transcript, frame_seconds_);
  for (std::size_t index = known; index < more.size(); ++index) {
    double logprob = 0;
    for (std::size_t at = runs[index].first; at < runs[index].second; ++at)
      logprob += transcript.tokens[at].log_prob;
    const std::string token = joined(last_, more[index].text).substr(last_.size());
    const std::vector<unsigned char> bytes(token.begin(), token.end());
    added.push_back({{"token", token}, {"logprob", logprob}, {"bytes", bytes}});
    last_ = more[index].text;
  }
  all_.insert(all_.end(), added.begin(), added.end());
  words_ = words.size();
  return added;
}

}  // namespace glossa::serve
