#include "eval/markup.h"

#include "text/utf8.h"

namespace glossa::eval {

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const text::CodePoint character = text::first_code_point(text);
    const std::string_view bytes = text.substr(0, character.size);
    text.remove_prefix(character.size);
    const bool control = character.value < 0x20 && bytes != "\t" && bytes != "\n" && bytes != "\r";
    if (!character.valid || control || character.value == 0xfffe || character.value == 0xffff) {
      escaped += text::kReplacementCharacter;
    } else if (bytes == "&") {
      escaped += "&amp;";
    } else if (bytes == "<") {
      escaped += "&lt;";
    } else if (bytes == ">") {
      escaped += "&gt;";
    } else if (bytes == "\"") {
      escaped += "&quot;";
    } else if (bytes == "'") {
      escaped += "&#39;";
    } else {
      escaped += bytes;
    }
  }
  return escaped;
}

}  // namespace glossa::eval
