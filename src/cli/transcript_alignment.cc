#include "cli/transcript_alignment.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fail.h"
#include "eval/text_normalizer.h"
#include "eval/wer.h"
#include "text/sentence_ends.h"
#include "text/utf8.h"

namespace glossa::cli {
namespace {

constexpr double kMostPairs = 1.6e9;  // a byte each
constexpr std::size_t kManyWords = 3;
constexpr std::size_t kManyCharacters = 10;  // that one side has more: words that the other one lacks
constexpr std::size_t kManyLetters = 8;      // one misheard may be another altogether
constexpr std::size_t kMostCompared = 200;   // words between two that are the same; more are another text
constexpr double kOther = 0.65;              // of the characters: what a model mishears is more alike

using Strings = std::vector<std::string>;

Strings split_at_spaces(std::string_view text) {
  Strings words;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
  return words;
}

std::string joined(const Strings& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// As one word that is compared; empty: nothing of it is.
std::string comparable(std::string_view piece, std::string_view lang) {
  std::string plain = eval::normalize_for_scoring(piece, lang, {});
  std::replace(plain.begin(), plain.end(), ' ', '_');
  return plain;
}

// Marks that stand before the words they belong to, where they stand alone.
bool is_opening(std::string_view piece) {
  constexpr std::array<std::string_view, 9> kOpening = {"«", "„", "“", "(", "[", "¿", "¡", "—", "–"};
  return std::find(kOpening.begin(), kOpening.end(), piece) != kOpening.end();
}

class Aligner {
 public:
  Aligner(std::string_view text, const Transcript& heard, std::string_view lang)
      : lang_(lang), by_letters_(eval::is_of_language(lang, eval::default_letter_languages())) {
    aligned_.text = text::with_single_spaces(text);
    read_text();
    mark_sentences();
    for (const Word& word : heard.words) add_heard(word);
  }

  AlignedTranscript run() {
    const double pairs = static_cast<double>(written_.size()) * static_cast<double>(heard_.size());
    if (pairs > kMostPairs) {
      fail_bad_input(
          "{} words or letters written and {} heard are more than can be compared at once (expected a "
          "recording of at most some four hours)",
          written_.size(), heard_.size());
    }
    Gap gap;
    std::size_t unit = 0;
    std::size_t heard = 0;
    for (const eval::AlignedWord& pair : eval::align_words(joined(heard_), joined(written_))) {
      if (pair.edit == eval::Edit::kMatch) {
        close(std::exchange(gap, {}), unit);
        aligned_.units[unit].heard = heard;
      } else {
        gap.add(pair);
      }
      if (pair.edit != eval::Edit::kInsertion) ++unit;
      if (pair.edit != eval::Edit::kDeletion) ++heard;
    }
    close(gap, unit);
    return std::move(aligned_);
  }

 private:
  // What is written and what was heard between two words that are the same.
  struct Gap {
    std::size_t units = 0;
    std::size_t heard_units = 0;
    std::string written;
    std::string heard;

    void add(const eval::AlignedWord& pair) {
      if (pair.edit != eval::Edit::kInsertion) ++units;
      if (pair.edit != eval::Edit::kDeletion) ++heard_units;
      written += pair.reference;
      heard += pair.hypothesis;
    }
  };

  // `next`: the unit behind the gap. How words are divided does not matter: "all right" and "alright" are
  // alike.
  void close(const Gap& gap, std::size_t next) {
    if (gap.units == 0 && gap.heard_units == 0) return;
    const std::size_t written = text::count_characters(gap.written);
    const std::size_t heard = text::count_characters(gap.heard);
    const bool is_endless = gap.units > kMostCompared || gap.heard_units > kMostCompared;
    const std::size_t edits =
        is_endless ? std::max(written, heard)
                   : static_cast<std::size_t>(eval::char_edits(gap.heard, gap.written).edits());
    const std::size_t wrong = std::min(edits, written);
    for (std::size_t unit = next - gap.units; unit < next; ++unit) {
      data::TranscriptUnit& one = aligned_.units[unit];
      one.wrong = (one.characters * wrong + written / 2) / written;
    }
    if (next == aligned_.units.size()) return;
    aligned_.units[next].extra = edits - wrong;
    const bool is_long = std::max(gap.units, gap.heard_units) >= (by_letters_ ? kManyLetters : kManyWords);
    const auto longest = static_cast<double>(std::max(written, heard));
    const std::size_t uneven = std::max(written, heard) - std::min(written, heard);
    aligned_.units[next].follows_other =
        is_long && (static_cast<double>(edits) >= kOther * longest ||
                    uneven >= (by_letters_ ? kManyLetters : kManyCharacters));
  }

  void read_text() {
    std::size_t at = 0;
    std::size_t opened = std::string::npos;  // where a mark stands that waits for its word
    for (const std::string& word : split_at_spaces(aligned_.text)) {
      for (const std::string& piece : by_letters_ ? split_at_spaces(eval::split_letters(word)) : Strings{word}) {
        const std::size_t begin = aligned_.text.find(piece, at);
        at = begin + piece.size();
        std::string plain = comparable(piece, lang_);
        if (!plain.empty()) {
          aligned_.units.push_back({.characters = text::count_characters(plain)});
          aligned_.places.emplace_back(std::min(opened, begin), at);
          written_.push_back(std::move(plain));
          opened = std::string::npos;
        } else if (is_opening(piece) || aligned_.places.empty()) {
          opened = std::min(opened, begin);
        } else {
          aligned_.places.back().second = at;
        }
      }
    }
  }

  void mark_sentences() {
    std::size_t unit = 0;
    for (const std::size_t end : text::sentence_ends(aligned_.text, lang_.starts_with("el"))) {
      while (unit < aligned_.units.size() && aligned_.places[unit].second < end) ++unit;
      if (unit < aligned_.units.size()) aligned_.units[unit].ends_sentence = true;
    }
    if (!aligned_.units.empty()) aligned_.units.back().ends_sentence = true;
  }

  void add_heard(const Word& word) {
    const std::string plain = comparable(word.text, lang_);
    if (plain.empty()) return;
    const Strings pieces = by_letters_ ? split_at_spaces(eval::split_letters(plain)) : Strings{plain};
    const double length = (word.end - word.start) / static_cast<double>(pieces.size());
    for (std::size_t index = 0; index < pieces.size(); ++index) {
      const double start = word.start + static_cast<double>(index) * length;
      aligned_.heard.push_back({.start = start,
                                .end = start + length,
                                .begins_word = index == 0,
                                .ends_word = index + 1 == pieces.size()});
      heard_.push_back(pieces[index]);
    }
  }

  std::string_view lang_;
  bool by_letters_;
  AlignedTranscript aligned_;
  Strings written_;  // as they are compared, one for each unit
  Strings heard_;
};

}  // namespace

std::string AlignedTranscript::text_of(const data::Segment& segment) const {
  const std::size_t begin = places[segment.first].first;
  return text.substr(begin, places[segment.last - 1].second - begin);
}

AlignedTranscript align_transcript(std::string_view text, const Transcript& heard, std::string_view lang) {
  return Aligner(text, heard, lang).run();
}

}  // namespace glossa::cli
