#include "serve/logprobs.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "serve/growing_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;
std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c != ' '; }));
}

}  // namespace

double sum_of_logprobs(std::span<const Token> tokens) {
  return std::accumulate(tokens.begin(), tokens.end(), 0.0,
                         [](double sum, const Token& token) { return sum + token.log_prob; });
}

json logprobs_json(const Transcript& transcript) {
  GrowingLogprobs whole;
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
  const std::span<const Token> tokens(transcript.tokens);
  for (const Word& word : words.subspan(words_)) {
    const std::string token = joined(last_, word.text).substr(last_.size());
    const std::vector<unsigned char> bytes(token.begin(), token.end());
    const auto own = tokens.subspan(word.first_token, word.last_token - word.first_token);
    added.push_back({{"token", token}, {"logprob", sum_of_logprobs(own)}, {"bytes", bytes}});
    last_ = word.text;
  }
  all_.insert(all_.end(), added.begin(), added.end());
  words_ = words.size();
  return added;
}

}  // namespace glossa::serve
