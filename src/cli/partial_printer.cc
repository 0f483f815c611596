#include "cli/partial_printer.h"

#include <unistd.h>

#include <algorithm>

#include "cli/output_writer.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kBytes = 78;  // of a line
constexpr const char* kAnew = "\r\033[K";

}  // namespace

std::string terminal_line(std::string_view settled, std::string_view draft) {
  std::string text(settled);
  text += draft;
  std::size_t begin = text.size() - std::min(text.size(), kBytes);
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) ++begin;
  const std::size_t end = std::max(begin, settled.size());
  if (end == text.size()) return text.substr(begin);
  return text.substr(begin, end - begin) + "\033[2m" + text.substr(end) + "\033[22m";
}

PartialPrinter::PartialPrinter(OutputFormat format, bool several)
    : format_(format),
      several_(several),
      redraws_(format == OutputFormat::kText && ::isatty(STDOUT_FILENO) == 1) {}

void PartialPrinter::print(const Recognition& recognition) const {
  const std::string& settled = recognition.transcript.text;
  const std::string draft = recognition.draft.value_or("");
  if (format_ == OutputFormat::kJson) {
    print_to_stdout(format_partial_json(recognition));
  } else if (redraws_) {
    print_to_stdout(kAnew + terminal_line(settled, draft));
  } else {
    print_to_stdout((several_ ? recognition.audio_filepath + "\t" : "") + settled + draft + "\n");
  }
}

void PartialPrinter::clear() const {
  if (redraws_) print_to_stdout(kAnew);
}

}  // namespace glossa::cli
