#include "serve/utterances.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "serve/growing_text.h"
#include "serve/punctuation.h"

namespace glossa::serve {
namespace {

constexpr double kFrameSlack = 1e-6;  // seconds; times are whole frames

std::string_view without_spaces_around(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// Where each of `finals` begins in the text that they end; empty when they are not there one after the other.
std::vector<std::size_t> begins_of(std::span<const Utterance> finals, std::string_view text) {
  std::vector<std::size_t> begins(finals.size());
  for (std::size_t index = finals.size(); index-- > 0;) {
    const std::string& said = finals[index].text;
    const std::size_t begin = text.rfind(said);
    if (begin == std::string_view::npos) return {};
    if (!without_leading_marks(text.substr(begin + said.size())).empty()) return {};
    begins[index] = begin;
    text = text.substr(0, begin);
  }
  return begins;
}

// The part of a text, and of another one, in which they differ.
struct Difference {
  std::size_t begin = 0;   // in both
  std::size_t behind = 0;  // bytes behind it in both
};

Difference difference_of(std::string_view text, std::string_view other) {
  const std::size_t shorter = std::min(text.size(), other.size());
  Difference difference;
  while (difference.begin < shorter && text[difference.begin] == other[difference.begin]) ++difference.begin;
  const auto last = [&](std::string_view of) { return of[of.size() - 1 - difference.behind]; };
  while (difference.begin + difference.behind < shorter && last(text) == last(other)) ++difference.behind;
  return difference;
}

bool says_the_same(std::string_view text, std::string_view known) {
  return text.starts_with(known) && without_punctuation(text.substr(known.size()), "").empty();
}

void add_alternative(std::string_view text, Utterance& utterance) {
  const std::vector<std::string>& others = utterance.alternatives;
  const auto says_it = [&](const std::string& known) { return says_the_same(text, known); };
  if (text.empty() || says_it(utterance.text) || std::any_of(others.begin(), others.end(), says_it)) return;
  utterance.alternatives.emplace_back(text);
}

}  // namespace

void add_alternatives(const Transcript& transcript, std::span<const Alternative> hypotheses,
                      std::vector<Utterance>& finals) {
  const std::string_view text = transcript.text;
  const std::vector<std::size_t> begins = begins_of(finals, text);
  for (const Alternative& hypothesis : hypotheses) {
    const std::string_view other = hypothesis.text;
    const Difference difference = difference_of(text, other);
    for (std::size_t index = 0; index < begins.size(); ++index) {
      const std::size_t begin = begins[index];
      const std::size_t end = index + 1 < begins.size() ? begins[index + 1] : text.size();
      if (difference.begin < begin) break;
      if (text.size() - difference.behind > end) continue;
      const std::string_view instead = other.substr(begin, other.size() - begin - (text.size() - end));
      add_alternative(without_spaces_around(instead), finals[index]);
      break;
    }
  }
}

std::optional<Utterance> Utterances::take(const Transcript& transcript, std::size_t sentence,
                                          std::size_t& word) const {
  const Sentence& source = transcript.sentences[sentence];
  std::string_view text = source.text;
  if (sentence == sentences_ && bytes_ > 0) {
    // Marks that came late belong to what was final already.
    text = without_leading_marks(text.substr(std::min(bytes_, text.size())));
  }
  Utterance utterance;
  double confidence = 0;
  const bool last = sentence + 1 == transcript.sentences.size();
  for (; word < transcript.words.size(); ++word) {
    const Word& next = transcript.words[word];
    if (!last && next.end > source.end + kFrameSlack) break;
    utterance.words.push_back(next);
    confidence += next.confidence;
  }
  if (text.empty()) return std::nullopt;
  utterance.text = text;
  utterance.language = source.language;
  utterance.start = utterance.words.empty() ? source.start : utterance.words.front().start;
  utterance.end = utterance.words.empty() ? source.end : utterance.words.back().end;
  if (!utterance.words.empty())
    utterance.confidence = static_cast<float>(confidence / static_cast<double>(utterance.words.size()));
  return utterance;
}

void Utterances::forget(std::size_t sentences, std::size_t words) {
  sentences_ -= std::min(sentences, sentences_);
  words_ -= std::min(words, words_);
}

std::optional<Utterance> Utterances::take_open(const Transcript& transcript) const {
  std::optional<Utterance> open;
  std::size_t word = words_;
  for (std::size_t sentence = sentences_; sentence < transcript.sentences.size(); ++sentence) {
    std::optional<Utterance> next = take(transcript, sentence, word);
    if (!next) continue;
    if (!open) {
      open = std::move(next);
      continue;
    }
    const auto words = static_cast<float>(open->words.size() + next->words.size());
    if (words > 0) {
      open->confidence = (open->confidence * static_cast<float>(open->words.size()) +
                          next->confidence * static_cast<float>(next->words.size())) /
                         words;
    }
    open->text = joined(open->text, next->text);
    open->language = next->language;
    open->words.insert(open->words.end(), next->words.begin(), next->words.end());
    open->end = next->end;
  }
  return open;
}

UtteranceUpdate Utterances::update(const Transcript& transcript, const Transcript& drafted, bool all) {
  UtteranceUpdate update;
  const std::size_t count = transcript.sentences.size();
  while (sentences_ < count) {
    const Sentence& sentence = transcript.sentences[sentences_];
    const bool closed = sentences_ + 1 < count || !sentence.language.empty();
    const bool silent = silence_ > 0 && transcript.settled - sentence.end >= silence_;
    std::size_t word = words_;
    std::optional<Utterance> utterance = take(transcript, sentences_, word);
    if (!closed && !silent && !all) break;
    words_ = word;
    if (utterance) update.finals.push_back(std::move(*utterance));
    if (closed) {
      ++sentences_;
      bytes_ = 0;
    } else {
      bytes_ = sentence.text.size();
      break;
    }
  }
  if (!all) {
    update.open = take_open(transcript);
    update.interim = &drafted == &transcript ? update.open : take_open(drafted);
  }
  const auto has_changed = [](std::string& last, const std::optional<Utterance>& now) {
    const std::string before = std::exchange(last, now ? now->text : std::string());
    return last != before;
  };
  update.interim_changed = has_changed(open_text_, update.open);
  update.interim_changed |= has_changed(interim_text_, update.interim);
  return update;
}

}  // namespace glossa::serve
