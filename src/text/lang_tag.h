// Language tags such as <en-US>: ordinary vocabulary pieces that the model emits after a sentence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/sentencepiece.h"

namespace glossa::text {

// True for <[a-z]{2,3}-[A-Za-z]{2}>, such as <en-US>: the pieces that count as tags in a vocabulary.
bool is_lang_tag(std::string_view piece);

// "en-US" of "<en-US>"; empty when it is no tag.
std::string_view lang_of_tag(std::string_view piece);

// For every id of a vocabulary the language of its tag, empty for other pieces.
std::vector<std::string> lang_tags_of(const SentencePiece& pieces);

// NeMo's set_strip_lang_tags with its default pattern \s*<[a-z]{2}-[A-Z]{2}>: every tag goes, with the white
// space in front of it. Equals `text_stripped` of NeMo for any text. Tags of three letters stay, as in NeMo.
// Linear.
std::string strip_lang_tags(std::string_view text);

}  // namespace glossa::text
