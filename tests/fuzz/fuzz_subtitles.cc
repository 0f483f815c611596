// Subtitles: one line of text with single spaces; what was UTF-8 stays it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/subtitle_text.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const std::string text = glossa::text::text_of_subtitles(file);
  if (text.find_first_of("\r\n\t") != std::string::npos || text.find("  ") != std::string::npos) std::abort();
  if (text.starts_with(' ') || text.ends_with(' ') || text.size() > file.size()) std::abort();
  if (glossa::text::is_valid_utf8(file) && !glossa::text::is_valid_utf8(text)) std::abort();
  return 0;
}
