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

// Of all sentences from `first` on.
std::string text_from(const Transcript& transcript, std::size_t first) {
  std::string text;
  for (std::size_t index = first; index < transcript.sentences.size(); ++index)
    text += (text.empty() ? "" : " ") + transcript.sentences[index].text;
  return text;
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

CaptionPrinter::CaptionPrinter(OutputFormat format, bool only_grows)
    : format_(format),
      only_grows_(only_grows),
      redraws_(format == OutputFormat::kText && ::isatty(STDOUT_FILENO) == 1) {}

std::vector<Sentence> CaptionPrinter::take_settled(Stream& stream, bool open) {
  std::vector<Sentence> sentences = stream.transcript().sentences;
  const std::size_t count = sentences.size();
  if (open) stream.forget_closed();
  const std::size_t forgotten = open ? count - stream.transcript().sentences.size() : count;
  const std::size_t settled = only_grows_ && count > 0 ? std::max(forgotten, count - 1) : forgotten;
  sentences.resize(settled);
  sentences.erase(sentences.begin(),
                  sentences.begin() + static_cast<std::ptrdiff_t>(std::min(printed_, settled)));
  printed_ = std::max(printed_, settled) - forgotten;
  return sentences;
}

void CaptionPrinter::show(Stream& stream, bool open) {
  std::string lines;
  for (const Sentence& sentence : take_settled(stream, open)) {
    if (!sentence.text.empty()) lines += caption_line(sentence, format_);
  }
  if (!lines.empty()) {
    print_to_stdout((redraws_ ? kAnew : "") + lines);
    open_.clear();
  }
  const std::string settled = open ? text_from(stream.transcript(), printed_) : "";
  const std::string all = open ? text_from(stream.drafted(), printed_) : "";
  show_open(settled, behind(all, settled), stream.transcript());
}

void CaptionPrinter::show_open(const std::string& settled, const std::string& draft,
                               const Transcript& transcript) {
  if (!redraws_ && format_ != OutputFormat::kJson) return;
  const std::string open = settled + '\n' + draft;
  if (open == open_ || (open_.empty() && open.size() == 1)) return;
  if (redraws_) {
    print_to_stdout(kAnew + terminal_line(settled, draft));
  } else {
    Recognition recognition{.audio_filepath = "-", .draft = draft};
    recognition.transcript.text = settled;
    recognition.transcript.duration = transcript.duration;
    recognition.transcript.language = transcript.language;
    print_to_stdout(format_partial_json(recognition));
  }
  open_ = open;
}

}  // namespace glossa::cli
