#include "text/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "text/lang_tag.h"
#include "text/text_support.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

using nlohmann::json;
using testing::without_spaces;

struct Span {
  std::string text;
  int start = 0;
  int end = 0;
  bool operator==(const Span&) const = default;
};

void PrintTo(const Span& span, std::ostream* out) {
  *out << '"' << span.text << "\" [" << span.start << ", " << span.end << ')';
}

std::string joined(const std::vector<std::string>& parts, const std::string& glue) {
  std::string whole;
  for (const std::string& part : parts) whole += (whole.empty() ? "" : glue) + part;
  return whole;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> parts;
  for (std::string part; stream >> part;) parts.push_back(part);
  return parts;
}

// A tokenizer with what is made from it.
struct Texts {
  // `make` returns the tokenizer, which does not move.
  template <class Make>
  explicit Texts(const Make& make) : pieces(make()), detokenizer(pieces), lang_tags(lang_tags_of(pieces)) {}
  Texts(const Texts&) = delete;

  std::vector<TimedWord> words(const std::vector<TimedToken>& tokens) const {
    return group_words(tokens, pieces, detokenizer, lang_tags);
  }
  std::vector<TimedSentence> sentences(const std::vector<TimedToken>& tokens) const {
    return group_sentences(tokens, words(tokens), detokenizer, lang_tags);
  }

  SentencePiece pieces;
  Detokenizer detokenizer;
  std::vector<std::string> lang_tags;
};

struct TimestampCase {
  json golden;
  std::vector<TimedToken> tokens;
};

TimestampCase read_case(const std::filesystem::path& path) {
  TimestampCase timestamps;
  timestamps.golden = json::parse(testing::read_bytes(path));
  std::vector<int> frames;
  for (const json& group : timestamps.golden["char"]) {
    for (std::size_t at = 0; at < group["char"].size(); ++at) frames.push_back(group["start_offset"]);
  }
  const std::vector<int> ids = timestamps.golden["tokens"];
  for (std::size_t at = 0; at < ids.size(); ++at) {
    timestamps.tokens.push_back({ids[at], frames.at(at), 0.5f});
  }
  return timestamps;
}

// NeMo's words without the differences that words.h lists: tags and empty words go, texts are trimmed and
// have the punctuation clean-up, and a mark that became a word of its own belongs to the word before.
std::vector<Span> expected_words(const json& golden) {
  const std::vector<std::string> marks = golden["supported_punctuation"];
  std::vector<Span> words;
  for (const json& word : golden["word"]) {
    std::string text;
    for (const std::string& part : split(word["word"])) {
      const bool begins_with_mark = std::any_of(
          marks.begin(), marks.end(), [&](const std::string& mark) { return part.starts_with(mark); });
      text += (text.empty() || begins_with_mark ? "" : " ") + part;
    }
    if (text.empty() || is_lang_tag(text)) continue;
    if (std::find(marks.begin(), marks.end(), text) != marks.end() && !words.empty()) {
      words.back().text += text;
      words.back().end = word["end_offset"];
    } else {
      words.push_back({text, word["start_offset"], word["end_offset"]});
    }
  }
  return words;
}

// NeMo's end of what ends before that token, with the marks behind a word.
int end_offset(const TimestampCase& timestamps, int last_token) {
  return timestamps.tokens.at(static_cast<std::size_t>(last_token - 1)).frame + 1;
}

// Where the two group tokens differently on purpose the words cannot be compared: NeMo makes a word of every
// byte piece, and goes on with a word over U+2581 and an opening mark in one piece.
bool is_comparable(const TimestampCase& timestamps, const SentencePiece& pieces) {
  for (const TimedToken& token : timestamps.tokens) {
    if (pieces.type(token.id) == PieceType::kByte) return false;
    for (const char* opening : {"\u00A1", "\u00BF", "\u00AB", "\u201C", "\u2018", "(", "["}) {
      if (pieces.piece(token.id) == std::string("▁") + opening) return false;
    }
  }
  return true;
}

// Calls check(texts, case) for the timestamps of every model.
template <class Check>
void for_each_case(const Check& check) {
  int cases = 0;
  for (const auto& nemo : testing::list_files(testing::golden_dir() / "models", "", ".nemo")) {
    const auto path = testing::golden_dir() / "cases" / nemo.stem() / "timestamps.json";
    if (!std::filesystem::exists(path)) continue;
    SCOPED_TRACE(path.string());
    const Texts texts([&] { return testing::tokenizer_of_checkpoint(nemo); });
    check(texts, read_case(path));
    ++cases;
  }
  EXPECT_GT(cases, 0);
}

TEST(WordsGolden, EqualNeMosWords) {
  for_each_case([](const Texts& texts, const TimestampCase& timestamps) {
    if (!is_comparable(timestamps, texts.pieces)) return;
    std::vector<Span> words;
    for (const TimedWord& word : texts.words(timestamps.tokens)) {
      words.push_back({word.text, word.start_frame, end_offset(timestamps, word.last_token)});
    }
    EXPECT_EQ(words, expected_words(timestamps.golden));
  });
}

// NeMo's segments end at words in . ? !, and hold the tag of the sentence before. Cut at their tags they are
// our sentences; where a segment begins with a word or ends with one, the time is the same.
TEST(SentencesGolden, EqualNeMosSegmentsCutAtTags) {
  for_each_case([](const Texts& texts, const TimestampCase& timestamps) {
    const std::vector<TimedSentence> sentences = texts.sentences(timestamps.tokens);
    const std::vector<TimedWord> words = texts.words(timestamps.tokens);
    const auto last_word_of = [&](const TimedSentence& sentence) {
      const auto behind = std::find_if(words.begin(), words.end(), [&](const TimedWord& word) {
        return word.first_token >= sentence.last_token;
      });
      return *std::prev(behind);
    };
    std::size_t next = 0;
    for (const json& segment : timestamps.golden["segment"]) {
      const std::string text = segment["segment"];
      std::vector<std::string> part;
      bool first = true;
      const auto close = [&](bool at_end) {
        if (!part.empty()) {
          ASSERT_LT(next, sentences.size());
          EXPECT_EQ(joined(split(sentences[next].text), " "), joined(part, " "));
          const bool begins_with_word = first && text[0] != ' ' && text[0] != '<';
          if (begins_with_word) {
            EXPECT_EQ(sentences[next].start_frame, segment["start_offset"].get<int>());
          }
          if (at_end) {
            EXPECT_EQ(end_offset(timestamps, last_word_of(sentences[next]).last_token),
                      segment["end_offset"].get<int>());
          }
          ++next;
        }
        part.clear();
        first = false;
      };
      for (const std::string& word : split(text)) {
        if (!is_lang_tag(word)) {
          part.push_back(word);
          continue;
        }
        close(/*at_end=*/false);
        ASSERT_GT(next, 0u);
        EXPECT_EQ(sentences[next - 1].language, lang_of_tag(word));
      }
      close(/*at_end=*/true);
    }
    EXPECT_EQ(next, sentences.size());
  });
}

TEST(Words, JoinedTheyAreTheText) {
  testing::Dice dice(11);
  for (const std::string& name : testing::tokenizer_names()) {
    const Texts texts([&] { return testing::read_tokenizer(testing::tokenizer_path(name)); });
    std::vector<int> tags{0};
    for (int id = 0; id < texts.pieces.size(); ++id) {
      if (is_lang_tag(texts.pieces.piece(id))) tags.push_back(id);
    }
    const int mark = std::max(texts.pieces.find("▁"), 0);
    for (int trial = 0; trial < 400; ++trial) {
      std::vector<TimedToken> tokens;
      std::vector<int> ids;
      int frame = 0;
      for (int count = dice.below(30); count > 0; --count) {
        int id = dice.below(texts.pieces.size());
        if (dice.below(6) == 0)
          id = tags[static_cast<std::size_t>(dice.below(static_cast<int>(tags.size())))];
        if (dice.below(4) == 0) id = mark;
        frame += dice.below(3);
        ids.push_back(id);
        tokens.push_back({id, frame, static_cast<float>(dice.below(100)) / 100});
      }
      const std::string stripped = strip_lang_tags(texts.detokenizer.text(ids));
      std::vector<std::string> parts;
      int last_token = 0;
      int last_frame = 0;
      for (const TimedWord& word : texts.words(tokens)) {
        EXPECT_FALSE(word.text.empty());
        EXPECT_GE(word.first_token, last_token);
        EXPECT_GT(word.last_token, word.first_token);
        EXPECT_GE(word.start_frame, last_frame);
        EXPECT_GT(word.end_frame, word.start_frame);
        float smallest = 1;
        for (int at = word.first_token; at < word.last_token; ++at) {
          smallest = std::min(smallest, tokens[static_cast<std::size_t>(at)].confidence);
        }
        EXPECT_EQ(word.confidence, smallest);
        last_token = word.last_token;
        last_frame = word.start_frame;
        parts.push_back(word.text);
      }
      EXPECT_EQ(without_spaces(joined(parts, " ")), without_spaces(stripped)) << name << ' ' << json(ids);
      std::vector<std::string> sentences;
      for (const TimedSentence& sentence : texts.sentences(tokens)) sentences.push_back(sentence.text);
      EXPECT_EQ(without_spaces(joined(sentences, " ")), without_spaces(stripped)) << name << ' ' << json(ids);
    }
  }
}

// Ids of the vocabulary for the rules below.
enum : int {
  kUnk,
  kThe,
  kRiv,
  kEr,
  kMark,
  kDot,
  kMarkComma,
  kQuestion,
  kInverted,
  kMarkInverted,
  kEn,
  kDe,
  kControl,
  kGo,
  kIdeographicStop,
  kComma,
  kPercent,
};

const Texts& small_texts() {
  static const Texts texts([] {
    testing::TestModel model{.pieces = {{"<unk>", 0, PieceType::kUnknown},
                                        {"▁The", -1},
                                        {"▁riv", -1},
                                        {"er", -1},
                                        {"▁", -1},
                                        {".", -1},
                                        {"▁,", -1},
                                        {"?", -1},
                                        {"\xC2\xBF", -1},
                                        {"▁\xC2\xBF", -1},
                                        {"<en-US>", 0, PieceType::kUserDefined},
                                        {"<de-DE>", -1},
                                        {"<s>", 0, PieceType::kControl},
                                        {"▁go", -1},
                                        {"\xE3\x80\x82", -1},
                                        {",", -2},  // makes "▁," a punctuation mark
                                        {"%", -2}}};
    return testing::parse_tokenizer(model.serialize());
  });
  return texts;
}

// Token n is emitted at frame 10 n.
std::vector<TimedToken> at_frames(const std::vector<int>& ids) {
  std::vector<TimedToken> tokens;
  for (std::size_t at = 0; at < ids.size(); ++at) tokens.push_back({ids[at], static_cast<int>(at) * 10, 1});
  return tokens;
}

std::vector<std::string> word_texts(const std::vector<int>& ids) {
  std::vector<std::string> words;
  for (const TimedWord& word : small_texts().words(at_frames(ids))) words.push_back(word.text);
  return words;
}

using Lines = std::vector<std::string>;

TEST(Words, Grouping) {
  EXPECT_EQ(word_texts({}), Lines{});
  EXPECT_EQ(word_texts({kThe, kRiv, kEr}), (Lines{"The", "river"}));
  EXPECT_EQ(word_texts({kEr, kThe}), (Lines{"er", "The"}));
  EXPECT_EQ(word_texts({kMark, kMark, kEn, kMark}), Lines{});
  EXPECT_EQ(word_texts({kThe, kMark, kEr}), (Lines{"The", "er"}));
  EXPECT_EQ(word_texts({kThe, kUnk, kEr}), (Lines{"The", "\xE2\x81\x87 er"}));
  EXPECT_EQ(word_texts({kControl, kThe, kControl, kEr}), (Lines{"Theer"}));
}

TEST(Words, PunctuationExtendsTheWordBefore) {
  EXPECT_EQ(word_texts({kThe, kDot, kRiv}), (Lines{"The.", "riv"}));
  EXPECT_EQ(word_texts({kThe, kMark, kDot, kRiv}), (Lines{"The.", "riv"}));
  EXPECT_EQ(word_texts({kThe, kMarkComma, kRiv}), (Lines{"The,", "riv"}));
  EXPECT_EQ(word_texts({kThe, kMark, kDot, kMark, kDot}), (Lines{"The.."}));
  EXPECT_EQ(word_texts({kThe, kMark, kMark, kDot}), (Lines{"The", "."}));
  EXPECT_EQ(word_texts({kDot, kThe}), (Lines{".", "The"}));
  EXPECT_EQ(word_texts({kThe, kEn, kMark, kDot}), (Lines{"The", "."}));
}

TEST(Words, OpeningMarksBeginAWord) {
  EXPECT_EQ(word_texts({kThe, kMark, kInverted, kGo}), (Lines{"The", "\xC2\xBF", "go"}));
  EXPECT_EQ(word_texts({kThe, kMark, kInverted, kEr, kQuestion}), (Lines{"The",
                                                                         "\xC2\xBF"
                                                                         "er?"}));
  EXPECT_EQ(word_texts({kThe, kMarkInverted, kEr, kQuestion}), (Lines{"The",
                                                                      "\xC2\xBF"
                                                                      "er?"}));
  EXPECT_EQ(word_texts({kThe, kInverted, kEr}), (Lines{"The\xC2\xBF"
                                                       "er"}));
}

TEST(Words, TimesAndTokens) {
  const auto words = small_texts().words(at_frames({kThe, kMark, kEr, kDot, kMark, kEn, kGo}));
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[1].text, "er.");
  EXPECT_EQ(words[1].start_frame, 10);  // of the lone U+2581
  EXPECT_EQ(words[1].end_frame, 21) << "the mark does not count";
  EXPECT_EQ(words[1].first_token, 1);
  EXPECT_EQ(words[1].last_token, 4);
  EXPECT_EQ(words[2].start_frame, 60);
}

TEST(Words, AWordEndsWhereItsLastSoundDoes) {
  const auto ends_at = [](const std::vector<int>& ids) {
    return small_texts().words(at_frames(ids)).front().end_frame;
  };
  EXPECT_EQ(ends_at({kThe, kEr, kDot}), 11);
  EXPECT_EQ(ends_at({kThe, kMark, kDot, kDot}), 1) << "with a lone U+2581 between";
  EXPECT_EQ(ends_at({kThe, kMarkComma, kRiv}), 1);
  EXPECT_EQ(ends_at({kThe, kDot, kEr, kDot}), 21) << "a mark inside a word";
  EXPECT_EQ(ends_at({kThe, kPercent, kDot}), 11) << "percent is said";
  EXPECT_EQ(ends_at({kDot, kQuestion}), 1) << "nothing but marks";
}

TEST(Words, TagsNameTheWordsBefore) {
  const auto words =
      small_texts().words(at_frames({kThe, kRiv, kMark, kDot, kMark, kEn, kGo, kDe, kEn, kThe}));
  Lines languages;
  for (const TimedWord& word : words) languages.push_back(word.text + '/' + word.language);
  EXPECT_EQ(languages, (Lines{"The/en-US", "riv./en-US", "go/de-DE", "The/"}));
}

TEST(Words, RefusesIdsOutsideTheVocabulary) {
  EXPECT_THROW(small_texts().words(at_frames({kThe, 99})), Error);
  EXPECT_THROW(small_texts().words(at_frames({-1})), Error);
}

TEST(Sentences, EndAtTerminatorsAndTags) {
  const auto sentences = small_texts().sentences(at_frames(
      {kThe, kDot, kRiv, kEr, kQuestion, kMark, kEn, kGo, kMark, kDe, kGo, kIdeographicStop, kThe}));
  Lines shown;
  for (const TimedSentence& sentence : sentences) {
    shown.push_back(sentence.text + '/' + sentence.language + '/' + std::to_string(sentence.start_frame) +
                    '-' + std::to_string(sentence.end_frame));
  }
  EXPECT_EQ(shown, (Lines{"The.//0-1", "river?/en-US/20-31", "go/de-DE/70-71", "go\xE3\x80\x82//100-101",
                          "The//120-121"}));
  std::vector<std::pair<int, int>> tokens;
  for (const TimedSentence& sentence : sentences)
    tokens.emplace_back(sentence.first_token, sentence.last_token);
  EXPECT_EQ(tokens, (std::vector<std::pair<int, int>>{{0, 2}, {2, 7}, {7, 10}, {10, 12}, {12, 13}}))
      << "with their tags";
}

}  // namespace
}  // namespace glossa::text
