// Texts for clients that did not ask for punctuation.
#pragma once

#include <string>
#include <string_view>

namespace glossa::serve {

// Lower case in the rules of `language` ("tr-TR"; may be empty), without the marks of sentences and quotes.
// Apostrophes, hyphens inside words and marks between digits ("3.5") stay.
std::string without_punctuation(std::string_view utf8, const std::string& language);

// What is left of a text behind the marks and spaces at its beginning. Marks that open what follows stay with
// it ("¿Qué?").
std::string_view without_leading_marks(std::string_view utf8);

}  // namespace glossa::serve
