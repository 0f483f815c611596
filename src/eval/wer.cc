#include "eval/wer.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/utf8.h"

namespace glossa::eval {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  std::size_t position = 0;
  const auto close_word = [&] {
    if (position > begin) words.push_back(text.substr(begin, position - begin));
  };
  while (position < text.size()) {
    const text::CodePoint character = text::first_code_point(text.substr(position));
    if (text::is_space(character.value)) {
      close_word();
      begin = position + character.size;
    }
    position += character.size;
  }
  close_word();
  return words;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> all;
  for (std::string_view word : split(text)) {
    if (!all.empty()) all.emplace_back(" ");
    while (!word.empty()) {
      const std::size_t size = text::first_code_point(word).size;
      all.push_back(word.substr(0, size));
      word.remove_prefix(size);
    }
  }
  return all;
}

// A cell of the Levenshtein table: the cheapest way to it, by kind of edit.
struct Path {
  std::int32_t substitutions = 0;
  std::int32_t deletions = 0;
  std::int32_t insertions = 0;
  std::int32_t lost = 0;  // of the deletions
  std::int32_t run = 0;   // of deletions, up to here

  std::int32_t cost() const { return substitutions + deletions + insertions; }
  void add_deletion(std::int32_t passage) {
    ++deletions;
    ++run;
    if (run >= passage) lost += run == passage ? passage : 1;
  }
  // The same edits, and more of what is missing in one piece. One word alone is none: of "zero zero" where
  // one was heard it stays the last.
  bool loses_more(const Path& other) const {
    return substitutions == other.substitutions && deletions == other.deletions &&
           insertions == other.insertions &&
           (lost > other.lost || (lost == other.lost && run > std::max(other.run, 1)));
  }
};

constexpr std::int32_t kNoPassage = std::numeric_limits<std::int32_t>::max();

using Units = std::vector<std::string_view>;

// `choices`, unless null, becomes the last edit of the cheapest way to every cell, [heard, spoken].
EditCounts levenshtein(const Units& heard_units, const Units& spoken_units, std::int32_t passage,
                       std::vector<Edit>* choices) {
  // Units become numbers so that the table compares integers.
  std::unordered_map<std::string_view, int> numbers;
  const auto number = [&](const Units& units) {
    std::vector<int> numbered;
    numbered.reserve(units.size());
    for (const std::string_view unit : units)
      numbered.push_back(numbers.try_emplace(unit, static_cast<int>(numbers.size())).first->second);
    return numbered;
  };
  const std::vector<int> spoken = number(spoken_units);
  const std::vector<int> heard = number(heard_units);
  if (choices != nullptr) choices->reserve(heard.size() * spoken.size());

  // One row of the table per heard unit; row[n] is the path to the first n spoken ones.
  std::vector<Path> row(spoken.size() + 1);
  for (std::size_t n = 1; n < row.size(); ++n) {
    row[n] = row[n - 1];
    row[n].add_deletion(passage);
  }
  for (const int unit : heard) {
    Path diagonal = row[0];
    ++row[0].insertions;
    for (std::size_t n = 1; n < row.size(); ++n) {
      Path best = diagonal;
      best.run = 0;
      Edit choice = Edit::kMatch;
      if (spoken[n - 1] != unit) {
        ++best.substitutions;
        choice = Edit::kSubstitution;
      }
      diagonal = row[n];
      Path deletion = row[n - 1];
      deletion.add_deletion(passage);
      if (deletion.cost() < best.cost() || deletion.loses_more(best)) {
        best = deletion;
        choice = Edit::kDeletion;
      }
      if (diagonal.cost() + 1 < best.cost()) {
        best = diagonal;
        ++best.insertions;
        best.run = 0;
        choice = Edit::kInsertion;
      }
      row[n] = best;
      if (choices != nullptr) choices->push_back(choice);
    }
  }
  const Path& path = row.back();
  return {path.substitutions, path.deletions, path.insertions, static_cast<std::int64_t>(spoken.size()),
          path.lost};
}

}  // namespace

double EditCounts::rate() const {
  if (reference_words > 0) return static_cast<double>(edits()) / static_cast<double>(reference_words);
  return edits() > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

EditCounts& EditCounts::operator+=(const EditCounts& other) {
  substitutions += other.substitutions;
  deletions += other.deletions;
  insertions += other.insertions;
  reference_words += other.reference_words;
  lost += other.lost;
  return *this;
}

EditCounts word_edits(std::string_view hypothesis, std::string_view reference, int passage) {
  return levenshtein(split(hypothesis), split(reference), passage, nullptr);
}

std::int64_t longest_loop(std::string_view text) {
  constexpr std::size_t kLongestRound = 8;
  const Units words = split(text);
  std::size_t longest = 0;
  for (std::size_t round = 1; round <= kLongestRound; ++round) {
    std::size_t same = 0;  // words in a row, each as the one a round before
    for (std::size_t at = round; at < words.size(); ++at) {
      same = words[at] == words[at - round] ? same + 1 : 0;
      if (same >= round) longest = std::max(longest, same);
    }
  }
  return static_cast<std::int64_t>(longest);
}

EditCounts char_edits(std::string_view hypothesis, std::string_view reference) {
  return levenshtein(characters(hypothesis), characters(reference), kNoPassage, nullptr);
}

std::vector<AlignedWord> align_words(std::string_view hypothesis, std::string_view reference) {
  const Units heard = split(hypothesis);
  const Units spoken = split(reference);
  std::vector<Edit> table;
  levenshtein(heard, spoken, kPassage, &table);
  std::vector<AlignedWord> aligned;
  std::size_t h = heard.size();
  std::size_t s = spoken.size();
  while (h > 0 || s > 0) {
    AlignedWord pair;
    pair.edit = h == 0 ? Edit::kDeletion : s == 0 ? Edit::kInsertion : table[(h - 1) * spoken.size() + s - 1];
    if (pair.edit != Edit::kInsertion) pair.reference = spoken[--s];
    if (pair.edit != Edit::kDeletion) pair.hypothesis = heard[--h];
    aligned.push_back(std::move(pair));
  }
  std::reverse(aligned.begin(), aligned.end());
  return aligned;
}

}  // namespace glossa::eval
