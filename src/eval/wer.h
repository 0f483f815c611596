// Word error rate as NeMo's streaming script prints it: whitespace words, no case or punctuation folding; the
// same over characters, and the alignment behind the figures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::eval {

// So many words that are missing in a row were not misheard but dropped: a passage.
inline constexpr int kPassage = 5;

struct EditCounts {
  std::int64_t substitutions = 0;
  std::int64_t deletions = 0;
  std::int64_t insertions = 0;
  std::int64_t reference_words = 0;  // characters when char_edits() counted
  std::int64_t lost = 0;             // of the deletions: in passages; 0 when char_edits() counted

  std::int64_t edits() const { return substitutions + deletions + insertions; }
  // edits / reference words; infinity when there are edits but no reference words, 0 when there are neither.
  double rate() const;
  EditCounts& operator+=(const EditCounts& other);
  friend bool operator==(const EditCounts&, const EditCounts&) = default;
};

// Levenshtein over words split at Unicode white space (as Python's str.split()). `passage`: words of one at
// least.
EditCounts word_edits(std::string_view hypothesis, std::string_view reference, int passage = kPassage);

// Words of the longest stretch in which one to eight words come again and again, less their first round: 3 of
// "way way way way", 5 of "so I see I see I see I". 0: nothing is said twice in a row.
std::int64_t longest_loop(std::string_view text);

// Levenshtein over Unicode characters (code points). White space between words counts as one space, however
// long; at the ends it does not count.
EditCounts char_edits(std::string_view hypothesis, std::string_view reference);

enum class Edit : std::uint8_t { kMatch, kSubstitution, kDeletion, kInsertion };

struct AlignedWord {
  std::string reference;   // empty: an insertion
  std::string hypothesis;  // empty: a deletion
  Edit edit = Edit::kMatch;
};

// The alignment that word_edits() counts: words of both sides in order. Of the cheapest alignments it is the
// one that, seen from the end, takes a match or substitution before a deletion before an insertion, but a
// deletion first where that goes on with a longer run of them, of two at least: what is missing is missing in
// one piece. Memory is one byte for each pair of words.
std::vector<AlignedWord> align_words(std::string_view hypothesis, std::string_view reference);

}  // namespace glossa::eval
