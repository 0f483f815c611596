// A stream without end as captions: settled sentences as lines, what is open in a line that is written over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output_formats.h"
#include "glossa/recognizer.hpp"

namespace glossa::cli {

class CaptionPrinter {
 public:
  // kText or kJson. Where stdout is no terminal, text is settled sentences alone.
  explicit CaptionPrinter(OutputFormat format);

  // After every step; prints what is new. The stream forgets what is printed as settled; all of it is when
  // the stream is no longer `open`.
  void show(Stream& stream, bool open);

 private:
  void settle(const std::vector<Sentence>& sentences);
  void show_open(const Stream& stream);

  OutputFormat format_;
  bool redraws_;
  std::string open_;  // as printed last
};

// "0:03 de-DE  Guten Tag." and, for programs, {"text", "language", "start", "end"}.
std::string caption_line(const Sentence& sentence, OutputFormat format);

}  // namespace glossa::cli
