// Where the sentences of a written text end.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace glossa::text {

// Byte positions behind each sentence that a mark ends, closing quotes and brackets included: . ? ! and their
// relatives in other scripts, before white space or the end where the script writes spaces. A full stop ends
// none before a lower-case letter or a digit, nor before more text behind a number, a single letter or up to
// three consonants of Latin script ("3. Mai", "J. Smith", "Dr. Smith"): what it closes there cannot be told.
// `is_greek`: the semicolon asks.
std::vector<std::size_t> sentence_ends(std::string_view text, bool is_greek);

}  // namespace glossa::text
