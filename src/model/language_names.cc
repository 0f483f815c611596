#include "model/language_names.h"

#include <unicode/uchar.h>
#include <unicode/uloc.h>
#include <unicode/unistr.h>

#include <string>

namespace glossa::model {

bool names_language(std::string_view word, std::string_view code) {
  const std::string locale(code.substr(0, code.find('-')));
  if (!word.empty() && word == uloc_getISO3Language(locale.c_str())) return true;
  const auto wanted = icu::UnicodeString::fromUTF8({word.data(), static_cast<std::int32_t>(word.size())});
  for (const std::string& in : {std::string("en"), locale}) {
    constexpr std::int32_t kLongest = 64;
    UChar name[kLongest];
    UErrorCode error = U_ZERO_ERROR;
    const std::int32_t length = uloc_getDisplayLanguage(locale.c_str(), in.c_str(), name, kLongest, &error);
    if (U_FAILURE(error) || error == U_USING_DEFAULT_WARNING) continue;  // no name but the code
    if (wanted.caseCompare(name, length, U_FOLD_CASE_DEFAULT) == 0) return true;
  }
  return false;
}

}  // namespace glossa::model
