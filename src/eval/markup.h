// Text inside HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace glossa::eval {

// Fit for element content and quoted attributes: & < > " ' are escaped, what is not UTF-8 or may not stand in
// XML becomes U+FFFD.
std::string escape_markup(std::string_view text);

}  // namespace glossa::eval
