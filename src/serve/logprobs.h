// The log-probabilities of what was heard, as OpenAI's clients read them: a list of {token, logprob, bytes}.
// A token is a whole word here, with the sum of its pieces': the public interface has no texts of pieces.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::serve {

// For each of `words`, which follow each other in `transcript`, its run of tokens: [first, last). Words and
// tokens meet in the frames of their times; of tokens in a frame
// where one word ends and the next begins, confidences tell which is whose.
std::vector<std::pair<std::size_t, std::size_t>> runs_of_words(std::span<const Word> words,
                                                               const Transcript& transcript,
                                                               double frame_seconds);

// The same for the sentences of a whole transcript. What follows a sentence, its language tag, is of its run.
std::vector<std::pair<std::size_t, std::size_t>> runs_of_sentences(const Transcript& transcript,
                                                                   double frame_seconds);

// The entries of all words: joined, their tokens are the text.
nlohmann::json logprobs_json(const Transcript& transcript, double frame_seconds);

// The entries of a text that is told in pieces.
class GrowingLogprobs {
 public:
  explicit GrowingLogprobs(double frame_seconds) : frame_seconds_(frame_seconds) {}

  // Those that are told with `delta`, the next piece of the text: its last word may still be open. `words`
  // are those since close(), `tokens` the transcript's.
  nlohmann::json take(std::span<const Word> words, const Transcript& transcript, std::string_view delta);

  // `words` are final, and those that come from now on follow them.
  void close(std::span<const Word> words, const Transcript& transcript);

  const nlohmann::json& all() const { return all_; }

 private:
  nlohmann::json add(std::span<const Word> words, const Transcript& transcript);

  double frame_seconds_;
  nlohmann::json all_ = nlohmann::json::array();
  std::string last_;       // word in it
  std::size_t words_ = 0;  // since close() that are in it
  std::size_t bytes_ = 0;  // of told text that are of none of them, spaces left out
};

}  // namespace glossa::serve
