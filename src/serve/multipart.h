// multipart/form-data (RFC 7578), as browsers and SDKs send files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace glossa::serve {

struct FormPart {
  std::string name;
  std::string filename;   // empty: not a file
  std::string_view data;  // into the body
};

// Error kBadInput says what is wrong: no boundary, a part that does not end, a part without a name.
std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace glossa::serve
