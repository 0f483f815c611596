#include "eval/wer.h"

#include <limits>
#include <unordered_map>
#include <vector>

namespace glossa::eval {
namespace {

// Bytes of the white space character (of Python's str.isspace()) that `text` starts with, 0 when there is
// none.
std::size_t leading_space(std::string_view text) {
  const auto byte = [&](std::size_t index) {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0u;
  };
  const unsigned first = byte(0);
  if ((first >= 0x09 && first <= 0x0d) || (first >= 0x1c && first <= 0x20)) return 1;
  if (first == 0xc2) return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;  // U+0085, U+00A0
  if (first == 0xe1) return byte(1) == 0x9a && byte(2) == 0x80 ? 3 : 0;  // U+1680
  if (first == 0xe3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;  // U+3000
  if (first != 0xe2) return 0;
  if (byte(1) == 0x81) return byte(2) == 0x9f ? 3 : 0;  // U+205F
  if (byte(1) != 0x80) return 0;
  const unsigned last = byte(2);
  const bool space = (last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9 || last == 0xaf;
  return space ? 3 : 0;  // U+2000 to U+200A, U+2028, U+2029, U+202F
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  std::size_t position = 0;
  const auto close_word = [&] {
    if (position > begin) words.push_back(text.substr(begin, position - begin));
  };
  while (position < text.size()) {
    const std::size_t space = leading_space(text.substr(position));
    if (space == 0) {
      ++position;
      continue;
    }
    close_word();
    position += space;
    begin = position;
  }
  close_word();
  return words;
}

// A cell of the Levenshtein table: the cheapest way to it, by kind of edit.
struct Path {
  std::int64_t substitutions = 0;
  std::int64_t deletions = 0;
  std::int64_t insertions = 0;
  std::int64_t cost() const { return substitutions + deletions + insertions; }
};

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
  return *this;
}

EditCounts word_edits(std::string_view hypothesis, std::string_view reference) {
  // Words become numbers so that the table compares integers.
  std::unordered_map<std::string_view, int> numbers;
  const auto number_words = [&](std::string_view text) {
    std::vector<int> words;
    for (const std::string_view word : split(text)) {
      words.push_back(numbers.try_emplace(word, static_cast<int>(numbers.size())).first->second);
    }
    return words;
  };
  const std::vector<int> spoken = number_words(reference);
  const std::vector<int> heard = number_words(hypothesis);

  // One row of the table per hypothesis word; row[n] is the path to the first n reference words.
  std::vector<Path> row(spoken.size() + 1);
  for (std::size_t n = 1; n < row.size(); ++n) row[n].deletions = static_cast<std::int64_t>(n);
  for (const int word : heard) {
    Path diagonal = row[0];
    ++row[0].insertions;
    for (std::size_t n = 1; n < row.size(); ++n) {
      Path best = diagonal;
      if (spoken[n - 1] != word) ++best.substitutions;
      diagonal = row[n];
      if (row[n - 1].cost() + 1 < best.cost()) {
        best = row[n - 1];
        ++best.deletions;
      }
      if (diagonal.cost() + 1 < best.cost()) {
        best = diagonal;
        ++best.insertions;
      }
      row[n] = best;
    }
  }
  const Path& path = row.back();
  return {path.substitutions, path.deletions, path.insertions, static_cast<std::int64_t>(spoken.size())};
}

}  // namespace glossa::eval
