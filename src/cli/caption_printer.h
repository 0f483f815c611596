// A stream without end as captions: settled sentences as lines, what is open in a line that is written over.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/output_formats.h"
#include "cli/partial_printer.h"
#include "glossa/recognizer.hpp"

namespace glossa::cli {

class CaptionPrinter {
 public:
  // kText or kJson. Where stdout is no terminal, text is settled sentences alone: those that have their
  // language's tag, or behind which the next one has begun.
  explicit CaptionPrinter(OutputFormat format);

  // After every step; prints what is new. The stream forgets what has its tag; all of it is settled when the
  // stream is no longer `open`.
  void show(Stream& stream, bool open);

 private:
  std::vector<Sentence> take_settled(Stream& stream, bool open);
  void show_open(const Stream& stream, bool open);

  OutputFormat format_;
  PartialPrinter open_printer_;
  std::size_t printed_ = 0;  // sentences that the stream still has
  std::string shown_;        // of what is open, as printed last
};

// "0:03 de-DE  Guten Tag." and, for programs, format_sentence_json().
std::string caption_line(const Sentence& sentence, OutputFormat format);

}  // namespace glossa::cli
