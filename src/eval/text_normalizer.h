// Text made comparable before it is scored: what a word error rate should not count.
//
// basic: Whisper's BasicTextNormalizer. Lower case; spans <...> and [...] go, then spans (...); NFKC; every
// character of the Unicode categories M, S and P becomes a space; white space becomes one space. As there,
// combining marks that NFKC cannot compose become spaces, too, which cuts words of Indic scripts and Thai
// apart, on both sides alike.
//
// English: a light normaliser over the basic one. Filler words (hmm mm mhm mmm uh um) go; apostrophes go
// without leaving a space (don't: dont); Latin letters lose their diacritics; a comma between digits goes
// (1,000: 1000); mr mrs dr prof are written out. It is not Whisper's EnglishTextNormalizer: contractions,
// numbers in words and British spelling are NOT folded ("twenty" and "20" differ, as do "we're" and "we are",
// "colour" and "color"), so English figures are a little higher than those of Whisper's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::eval {

// Goes up when a text may come out differently; part of what a configuration hash covers.
inline constexpr int kNormalizerVersion = 1;

// `text` is UTF-8; what is not valid counts as U+FFFD, a symbol.
std::string normalize_basic(std::string_view text);
std::string normalize_english(std::string_view text);

// Every user-perceived character (grapheme cluster) becomes a word of its own; white space is gone.
std::string split_letters(std::string_view text);

// Languages without spaces between words, scored by letters: zh, ja, th.
std::vector<std::string> default_letter_languages();

// "zh-CN" is of the language "zh".
bool is_of_language(std::string_view code, std::span<const std::string> languages);

// What is scored for a text in the language `code` ("en-US"; empty: unknown): language tags and the rest as
// above, English for en, letters for the languages in `letter_languages`.
std::string normalize_for_scoring(std::string_view text, std::string_view code,
                                  std::span<const std::string> letter_languages);

}  // namespace glossa::eval
