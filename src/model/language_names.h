// Languages by name, for those who do not know their code.
#pragma once

#include <string_view>

namespace glossa::model {

// Whether `word` names the language of `code` ("de-DE", "de") in English or in itself, in any case, or is its
// three-letter code of ISO 639: German, deutsch, deu. Names from ICU.
bool names_language(std::string_view word, std::string_view code);

}  // namespace glossa::model
