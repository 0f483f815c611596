// Percent-encoding and queries of URLs (RFC 3986, and the form encoding of HTML).
#pragma once

#include <string>
#include <string_view>

#include "serve/http.h"

namespace glossa::serve {

// A % that no two hexadecimal digits follow stays as it is.
std::string percent_decoded(std::string_view text);

// "a=1&b=x+y": names and values decoded, + is a space. A name without = has an empty value.
Fields parse_query(std::string_view query);

}  // namespace glossa::serve
