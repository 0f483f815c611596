#include "cli/caption_printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/output_writer.h"
#include "cli/partial_printer.h"

namespace glossa::cli {
namespace {

constexpr const char* kAnew = "\r\033[K";

std::string clock(double seconds) {
  const auto whole = static_cast<int>(seconds);
  const int hours = whole / 3600;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, whole / 60 % 60, whole % 60)
                   : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

double milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

}  // namespace

std::string caption_line(const Sentence& sentence, OutputFormat format) {
  if (format != OutputFormat::kJson)
    return fmt::format("{} {:5}  {}\n", clock(sentence.start), sentence.language, sentence.text);
  const nlohmann::ordered_json object = {{"text", sentence.text},
                                         {"language", sentence.language},
                                         {"start", milliseconds(sentence.start)},
                                         {"end", milliseconds(sentence.end)}};
  return object.dump() + "\n";
}

CaptionPrinter::CaptionPrinter(OutputFormat format)
    : format_(format), redraws_(format == OutputFormat::kText && ::isatty(STDOUT_FILENO) == 1) {}

void CaptionPrinter::show(Stream& stream, bool open) {
  std::vector<Sentence> sentences = stream.transcript().sentences;
  if (open) {
    stream.forget_closed();
    sentences.resize(sentences.size() - std::min(sentences.size(), stream.transcript().sentences.size()));
  }
  settle(sentences);
  if (open) show_open(stream);
}

void CaptionPrinter::settle(const std::vector<Sentence>& sentences) {
  std::string lines;
  for (const Sentence& sentence : sentences) {
    if (!sentence.text.empty()) lines += caption_line(sentence, format_);
  }
  if (lines.empty()) return;
  print_to_stdout((redraws_ ? kAnew : "") + lines);
  open_.clear();
}

void CaptionPrinter::show_open(const Stream& stream) {
  if (!redraws_ && format_ != OutputFormat::kJson) return;
  const Transcript& settled = stream.transcript();
  const Recognition recognition{.audio_filepath = "-", .transcript = settled, .draft = drafted_text(stream)};
  const std::string& draft = *recognition.draft;
  std::string line = terminal_line(settled.text, draft);
  if (line == open_) return;
  print_to_stdout(redraws_ ? kAnew + line : format_partial_json(recognition));
  open_ = std::move(line);
}

}  // namespace glossa::cli
