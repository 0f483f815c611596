#include "text/words.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "text/utf8.h"

namespace glossa::text {
namespace {

enum class Role {
  kStart,     // begins a word
  kLoneMark,  // U+2581 alone: begins a word, but is none
  kContinue,  // goes on with the word
  kPunctuation,
  kSpokenMark,  // joins as punctuation does
  kOpening,     // punctuation that belongs to what follows: begins a word after a U+2581
  kTag,
};

bool is_opening(char32_t mark) {
  const auto code_point = static_cast<UChar32>(mark);
  constexpr UChar32 kInvertedExclamation = 0xA1;
  constexpr UChar32 kInvertedQuestion = 0xBF;
  return code_point == kInvertedExclamation || code_point == kInvertedQuestion ||
         (U_GET_GC_MASK(code_point) & (U_GC_PS_MASK | U_GC_PI_MASK)) != 0;
}

bool is_terminator(char32_t mark) {
  constexpr char32_t kTerminators[] = {U'.', U'?', U'!', 0x0964, 0x3002, 0xFF1F, 0xFF01, 0x061F};
  return std::find(std::begin(kTerminators), std::end(kTerminators), mark) != std::end(kTerminators);
}

// Marks with names that are said: "fifty percent", "me at home".
bool is_spoken(char32_t mark) {
  constexpr char32_t kSpoken[] = {U'%', U'&', U'@', U'#', U'*', U'/', U'\\', 0x2030, 0x066A, 0xFF05};
  return std::find(std::begin(kSpoken), std::end(kSpoken), mark) != std::end(kSpoken);
}

char32_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return first_code_point(text.substr(at)).value;
}

class WordGrouper {
 public:
  WordGrouper(std::span<const TimedToken> tokens, const SentencePiece& pieces, const Detokenizer& detokenizer,
              std::span<const std::string> lang_tags)
      : tokens_(tokens), pieces_(pieces), detokenizer_(detokenizer), lang_tags_(lang_tags) {}

  std::vector<TimedWord> run() {
    for (int at = 0; at < static_cast<int>(tokens_.size()); ++at) {
      switch (role_of(token(at).id)) {
        case Role::kStart:
          close(at);
          open(at);
          break;
        case Role::kLoneMark:
          // A second one in a row: the word starts at the last, as NeMo has it.
          close(at);
          open(at);
          only_mark_ = true;
          break;
        case Role::kPunctuation:
        case Role::kSpokenMark:
          // Between the word and its mark there may be a lone U+2581: it belongs to the word as well.
          if (only_mark_ && !words_.empty() && words_.back().last_token == first_ && !after_tag_) reopen();
          join(at);
          break;
        case Role::kOpening:
          if (begins_with_mark(token(at).id)) close(at);
          join(at);
          break;
        case Role::kContinue:
          join(at);
          break;
        case Role::kTag:
          close(at);
          name_language(token(at).id);
          break;
      }
    }
    close(static_cast<int>(tokens_.size()));
    return std::move(words_);
  }

 private:
  static constexpr int kNone = -1;

  const TimedToken& token(int at) const { return tokens_[static_cast<std::size_t>(at)]; }

  bool begins_with_mark(int id) const { return pieces_.piece(id).starts_with(kWordMark); }

  Role role_of(int id) const {
    const std::string_view piece = pieces_.piece(id);
    if (static_cast<std::size_t>(id) < lang_tags_.size() &&
        !lang_tags_[static_cast<std::size_t>(id)].empty()) {
      return Role::kTag;
    }
    const PieceType type = pieces_.type(id);
    if (type == PieceType::kByte || type == PieceType::kControl) return Role::kContinue;
    if (piece == kWordMark) return Role::kLoneMark;
    const std::string decoded = pieces_.decode(std::span(&id, 1));
    if (!decoded.empty()) {
      const CodePoint character = first_code_point(decoded);
      if (character.size == decoded.size() && detokenizer_.is_punctuation(character.value)) {
        if (is_opening(character.value)) return Role::kOpening;
        return is_spoken(character.value) ? Role::kSpokenMark : Role::kPunctuation;
      }
    }
    return decoded != piece ? Role::kStart : Role::kContinue;
  }

  void open(int at) {
    first_ = at;
    only_mark_ = false;
  }

  void join(int at) {
    if (first_ == kNone) first_ = at;
    only_mark_ = false;
  }

  // Takes the last word up again, together with the lone U+2581 after it.
  void reopen() {
    first_ = words_.back().first_token;
    words_.pop_back();
  }

  // The last token of [first, end) that is more than a mark behind the word; `first` where none is.
  int last_spoken(int first, int end) const {
    int last = end - 1;
    for (; last > first; --last) {
      const Role role = role_of(token(last).id);
      if (role != Role::kPunctuation && role != Role::kLoneMark) break;
    }
    return last;
  }

  // The word ends before token `end`.
  void close(int end) {
    if (first_ == kNone) return;
    std::vector<int> ids;
    TimedWord word;
    word.confidence = token(first_).confidence;
    for (int at = first_; at < end; ++at) {
      ids.push_back(token(at).id);
      word.confidence = std::min(word.confidence, token(at).confidence);
    }
    word.text = trimmed(detokenizer_.text(ids));
    if (!word.text.empty()) {
      word.start_frame = token(first_).frame;
      word.end_frame = token(last_spoken(first_, end)).frame + 1;
      word.first_token = first_;
      word.last_token = end;
      words_.push_back(std::move(word));
      after_tag_ = false;
    }
    first_ = kNone;
    only_mark_ = false;
  }

  void name_language(int tag) {
    for (; unnamed_ < words_.size(); ++unnamed_) {
      words_[unnamed_].language = lang_tags_[static_cast<std::size_t>(tag)];
    }
    after_tag_ = true;
  }

  std::span<const TimedToken> tokens_;
  const SentencePiece& pieces_;
  const Detokenizer& detokenizer_;
  std::span<const std::string> lang_tags_;

  std::vector<TimedWord> words_;
  std::size_t unnamed_ = 0;  // words from here on wait for their tag
  int first_ = kNone;        // first token of the open word
  bool only_mark_ = false;   // the open word is a lone U+2581 so far
  bool after_tag_ = false;   // a tag came after the last word
};

}  // namespace

std::vector<TimedWord> group_words(std::span<const TimedToken> tokens, const SentencePiece& pieces,
                                   const Detokenizer& detokenizer, std::span<const std::string> lang_tags) {
  return WordGrouper(tokens, pieces, detokenizer, lang_tags).run();
}

std::vector<TimedSentence> group_sentences(std::span<const TimedToken> tokens,
                                           std::span<const TimedWord> words, const Detokenizer& detokenizer,
                                           std::span<const std::string> lang_tags) {
  const auto is_tag = [&](int at) {
    const auto id = static_cast<std::size_t>(tokens[static_cast<std::size_t>(at)].id);
    return id < lang_tags.size() && !lang_tags[id].empty();
  };
  std::vector<TimedSentence> sentences;
  std::size_t first = 0;  // word that begins the open sentence
  for (std::size_t last = 0; last < words.size(); ++last) {
    const bool is_final = last + 1 == words.size();
    const int gap_end = is_final ? static_cast<int>(tokens.size()) : words[last + 1].first_token;
    bool tagged = false;
    for (int at = words[last].last_token; at < gap_end && !tagged; ++at) tagged = is_tag(at);
    if (!tagged && !is_final && !is_terminator(last_character(words[last].text))) continue;
    TimedSentence sentence;
    std::vector<int> ids;
    for (int at = words[first].first_token; at < words[last].last_token; ++at) {
      ids.push_back(tokens[static_cast<std::size_t>(at)].id);
    }
    sentence.text = trimmed(detokenizer.text(ids));
    if (tagged) sentence.language = words[last].language;
    sentence.start_frame = words[first].start_frame;
    sentence.end_frame = words[last].end_frame;
    sentence.first_token = words[first].first_token;
    sentence.last_token = gap_end;
    sentences.push_back(std::move(sentence));
    first = last + 1;
  }
  return sentences;
}

}  // namespace glossa::text
