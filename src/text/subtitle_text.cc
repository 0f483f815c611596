#include "text/subtitle_text.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text/replace_all.h"
#include "text/utf8.h"

namespace glossa::text {
namespace {

constexpr std::string_view kNote = "\xE2\x99\xAA";    // U+266A
constexpr std::string_view kNotes = "\xE2\x99\xAB";   // U+266B
constexpr std::string_view kEnDash = "\xE2\x80\x93";  // U+2013

// A line of no-break spaces is none of these: it fills a cue and does not end it.
std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

std::vector<std::string_view> lines_of(std::string_view file) {
  file = without_byte_order_mark(file);
  std::vector<std::string_view> lines;
  while (!file.empty()) {
    const std::size_t end = std::min(file.find_first_of("\r\n"), file.size());
    lines.push_back(without_blanks(file.substr(0, end)));
    const bool is_pair = file.substr(end).starts_with("\r\n");
    file.remove_prefix(std::min(end + (is_pair ? 2 : 1), file.size()));
  }
  return lines;
}

bool is_timing(std::string_view line) {
  const std::size_t arrow = line.find("-->");
  const auto has_digit = [](std::string_view part) {
    return std::any_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  return arrow != std::string_view::npos && has_digit(line.substr(0, arrow)) &&
         has_digit(line.substr(arrow)) && line.find(':') != std::string_view::npos;
}

// All that is between these marks, and the marks; what does not end stays.
void drop_between(std::string& text, std::string_view open, std::string_view close) {
  for (std::size_t begin = 0; (begin = text.find(open, begin)) != std::string::npos;) {
    const std::size_t end = text.find(close, begin);
    if (end == std::string::npos) return;
    text.erase(begin + 1, end + close.size() - begin - 1);
    text[begin] = ' ';
  }
}

// <i>, </i>, <v Anna>, <00:01.000>; another < is text.
void drop_tags(std::string& text) {
  for (std::size_t begin = 0; (begin = text.find('<', begin)) != std::string::npos; ++begin) {
    const std::size_t end = text.find('>', begin);
    if (end == std::string::npos) return;
    const char next = text[begin + 1];
    const bool is_tag = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '/' ||
                        (next >= '0' && next <= '9');
    if (is_tag) text.replace(begin, end + 1 - begin, 1, ' ');
  }
}

std::string_view without_dash(std::string_view line) {
  for (const std::string_view dash : {std::string_view("-"), kEnDash}) {
    if (line.starts_with(dash)) line = trimmed(line.substr(dash.size()));
  }
  return line;
}

}  // namespace

std::string text_of_subtitles(std::string_view file) {
  const std::vector<std::string_view> lines = lines_of(file);
  std::string text;
  std::string cue;
  const auto close_cue = [&] {
    drop_tags(cue);
    drop_between(cue, "{", "}");
    drop_between(cue, "[", "]");
    for (const std::string_view mark : {kNote, kNotes}) replace_all(cue, mark, " ");
    text += cue;
    cue.clear();
  };
  bool is_between = true;   // cues: names and numbers may stand here
  bool is_comment = false;  // until the next empty line
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::string_view line = lines[at];
    if (line.empty() || is_timing(line)) close_cue();
    if (line.empty()) {
      is_between = true;
      is_comment = false;
      continue;
    }
    const bool begins = std::exchange(is_between, false);
    const bool names_cue = begins && at + 1 < lines.size() && is_timing(lines[at + 1]);
    if (begins && !is_timing(line) && !names_cue) {
      for (const std::string_view header : {"WEBVTT", "NOTE", "STYLE", "REGION"})
        is_comment = is_comment || line.starts_with(header);
    }
    if (is_comment || names_cue || is_timing(line)) continue;
    cue += without_dash(line);
    cue += ' ';
  }
  close_cue();
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEntities = {
      {{"&nbsp;", " "}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}};
  for (const auto& [entity, character] : kEntities) replace_all(text, entity, character);
  return with_single_spaces(text);
}

}  // namespace glossa::text
