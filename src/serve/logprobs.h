// The log-probabilities of what was heard, as OpenAI's clients read them: a list of {token, logprob, bytes}.
// A token is a whole word here, with the sum of its pieces': the public interface has no texts of pieces.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::serve {

double sum_of_logprobs(std::span<const Token> tokens);

// The entries of all words: joined, their tokens are the text.
nlohmann::json logprobs_json(const Transcript& transcript);

// The entries of a text that is told in pieces.
class GrowingLogprobs {
 public:
  // Those that are told with `delta`, the next piece of the text: its last word may still be open. `words`
  // are those since close(), of `transcript`.
  nlohmann::json take(std::span<const Word> words, const Transcript& transcript, std::string_view delta);

  // `words` are final, and those that come from now on follow them.
  void close(std::span<const Word> words, const Transcript& transcript);

  const nlohmann::json& all() const { return all_; }

 private:
  nlohmann::json add(std::span<const Word> words, const Transcript& transcript);

  nlohmann::json all_ = nlohmann::json::array();
  std::string last_;       // word in it
  std::size_t words_ = 0;  // since close() that are in it
  std::size_t bytes_ = 0;  // of told text that are of none of them, spaces left out
};

}  // namespace glossa::serve
