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

// The first token, from `from` on, that is in `frame` or a later one.
std::size_t first_in(std::span<const Token> tokens, std::size_t from, int frame) {
  const auto found = std::lower_bound(tokens.begin() + static_cast<std::ptrdiff_t>(from), tokens.end(), frame,
                                      [](const Token& token, int at) { return token.frame < at; });
  return static_cast<std::size_t>(found - tokens.begin());
}

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

std::vector<Run> runs_of_words(std::span<const Word> words, std::span<const Token> tokens,
                               double frame_seconds) {
  std::vector<Run> runs;
  std::size_t from = 0;
  for (std::size_t index = 0; index < words.size(); ++index) {
    const Word& word = words[index];
    const int end_frame = frame_at(word.end, frame_seconds);
    const std::size_t first = first_in(tokens, from, frame_at(word.start, frame_seconds));
    std::size_t most = first_in(tokens, first, end_frame);
    const std::size_t least = std::min(most, first_in(tokens, first, end_frame - 1) + 1);
    std::size_t next = index + 1;
    // Each that begins in the frame has one token there at least.
    for (; next < words.size() && frame_at(words[next].start, frame_seconds) < end_frame && most > least;
         ++next)
      --most;
    from = end_of(word, tokens, first, least, most, /*is_nearest=*/next > index + 1);
    runs.emplace_back(first, from);
  }
  return runs;
}

std::vector<Run> runs_of_sentences(const Transcript& transcript, double frame_seconds) {
  const std::vector<Run> words = runs_of_words(transcript.words, transcript.tokens, frame_seconds);
  std::vector<Run> runs;
  std::size_t word = 0;
  for (const Sentence& sentence : transcript.sentences) {
    const std::size_t first = word < words.size() ? words[word].first : transcript.tokens.size();
    while (word < words.size() && transcript.words[word].end <= sentence.end + frame_seconds / 2) ++word;
    runs.emplace_back(first, word < words.size() ? words[word].first : transcript.tokens.size());
  }
  return runs;
}

json logprobs_json(std::span<const Word> words, std::span<const Token> tokens, double frame_seconds) {
  GrowingLogprobs whole(frame_seconds);
  whole.close(words, tokens);
  return whole.all();
}

json GrowingLogprobs::take(std::span<const Word> words, std::span<const Token> tokens,
                           std::string_view delta) {
  bytes_ += letters(delta);
  std::size_t count = words_;
  for (; count < words.size() && letters(words[count].text) <= bytes_; ++count)
    bytes_ -= letters(words[count].text);
  return add(words.first(count), tokens);
}

void GrowingLogprobs::close(std::span<const Word> words, std::span<const Token> tokens) {
  add(words, tokens);
  words_ = 0;
  bytes_ = 0;
}

json GrowingLogprobs::add(std::span<const Word> words, std::span<const Token> tokens) {
  json added = json::array();
  if (words_ >= words.size()) return added;
  const std::size_t known = words_ > 0 ? 1 : 0;  // which tokens are whose begins with the word before
  const std::span<const Word> more = words.subspan(words_ - known);
  const std::vector<Run> runs = runs_of_words(more, tokens, frame_seconds_);
  for (std::size_t index = known; index < more.size(); ++index) {
    double logprob = 0;
    for (std::size_t at = runs[index].first; at < runs[index].second; ++at) logprob += tokens[at].log_prob;
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
