// The live-caption page, src/serve/page, inside the program.
#pragma once

#include <string_view>

namespace glossa::serve {

struct PageFile {
  std::string_view name;
  std::string_view content_type;
  std::string_view content;
};

// Null when there is no such file.
const PageFile* find_page_file(std::string_view name);

}  // namespace glossa::serve
