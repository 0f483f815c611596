// Growing text on stdout: one line that is written over on a terminal, one line per change otherwise.
#pragma once

#include <string>
#include <string_view>

#include "cli/output_formats.h"

namespace glossa::cli {

class PartialPrinter {
 public:
  PartialPrinter(OutputFormat format, bool several);  // several inputs: lines begin with the input's name

  void print(const Recognition& recognition) const;
  bool redraws() const { return redraws_; }  // text on a terminal
  void clear() const;                        // the terminal's line, before something else is written

 private:
  OutputFormat format_;
  bool several_;
  bool redraws_;
};

// The end of `settled` and `draft`, as much as fits into a line, cut between characters; the draft is dim.
std::string terminal_line(std::string_view settled, std::string_view draft);

}  // namespace glossa::cli
