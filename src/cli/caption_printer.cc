#include "cli/caption_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output_writer.h"

namespace glossa::cli {
namespace {

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

}  // namespace

std::string caption_line(const Sentence& sentence, OutputFormat format) {
  if (format == OutputFormat::kJson) return format_sentence_json(sentence);
  return fmt::format("{} {:5}  {}\n", clock(sentence.start), sentence.language, sentence.text);
}

CaptionPrinter::CaptionPrinter(OutputFormat format)
    : format_(format), open_printer_(format, /*several=*/false) {}

std::vector<Sentence> CaptionPrinter::take_settled(Stream& stream, bool open) {
  std::vector<Sentence> sentences = stream.transcript().sentences;
  const std::size_t count = sentences.size();
  if (open) stream.forget_closed();
  const std::size_t forgotten = open ? count - stream.transcript().sentences.size() : count;
  const std::size_t settled = count > 0 ? std::max(forgotten, count - 1) : 0;
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
    open_printer_.clear();
    print_to_stdout(lines);
    shown_.clear();
  }
  if (open_printer_.redraws() || format_ == OutputFormat::kJson) show_open(stream, open);
}

void CaptionPrinter::show_open(const Stream& stream, bool open) {
  const Transcript& transcript = stream.transcript();
  Recognition rest{.audio_filepath = "-", .draft = ""};  // of a stream that has ended nothing
  rest.transcript.duration = transcript.duration;
  rest.transcript.language = transcript.language;
  if (open) {
    rest.transcript.text = text_from(transcript, printed_);
    rest.draft = behind(text_from(stream.drafted(), printed_), rest.transcript.text);
  }
  std::string shown = rest.transcript.text + *rest.draft;
  // What is settled moves the border alone: a change, too.
  if (!shown.empty()) shown += fmt::format("\n{}", rest.draft->size());
  if (shown == shown_) return;
  open_printer_.print(rest);
  shown_ = std::move(shown);
}

}  // namespace glossa::cli
