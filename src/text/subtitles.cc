#include "text/subtitles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "text/replace_all.h"

namespace glossa::text {
namespace {

constexpr std::size_t kLineLetters = 42;
constexpr double kLongestCue = 7.0;  // seconds
constexpr double kShortestCue =
    0.8;                        // seconds; shorter ones are kept on the screen when nothing follows at once
constexpr double kPause = 2.0;  // seconds without a word that end a cue

// A word, or a part of a long one.
struct CuePiece {
  std::string text;
  double start = 0;  // seconds
  double end = 0;
  bool joined = false;  // no space in front of it
};

struct OpenCue {
  double start = 0;
  double end = 0;
  std::vector<std::string> lines;
};

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::size_t black_bytes(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return byte != ' '; }));
}

// A word that fits into no line (a sentence of a script without spaces) becomes equal parts that do.
std::vector<CuePiece> cut_word(const Word& word) {
  const std::size_t length = letters(word.text);
  const std::size_t parts = std::max<std::size_t>(1, (length + kLineLetters - 1) / kLineLetters);
  std::vector<CuePiece> pieces(parts);
  std::size_t letter = 0;
  for (const char byte : word.text) {
    if (starts_character(byte)) ++letter;
    const std::size_t part = letter == 0 ? 0 : (letter - 1) * parts / length;
    pieces[part].text.push_back(byte);
  }
  const double duration = (word.end - word.start) / static_cast<double>(parts);
  for (std::size_t part = 0; part < parts; ++part) {
    pieces[part].start = word.start + duration * static_cast<double>(part);
    pieces[part].end = pieces[part].start + duration;
    pieces[part].joined = part > 0;
  }
  return pieces;
}

// The words of each sentence. Words and sentences spell the same text, so letters tell which word is whose.
std::vector<std::vector<CuePiece>> pieces_of_sentences(const Transcript& transcript) {
  std::vector<std::vector<CuePiece>> sentences;
  auto word = transcript.words.begin();
  for (const Sentence& sentence : transcript.sentences) {
    const std::size_t expected = black_bytes(sentence.text);
    std::vector<CuePiece> pieces;
    for (std::size_t seen = 0; seen < expected && word != transcript.words.end(); ++word) {
      seen += black_bytes(word->text);
      for (CuePiece& piece : cut_word(*word)) pieces.push_back(std::move(piece));
    }
    sentences.push_back(std::move(pieces));
  }
  std::vector<CuePiece> rest;
  for (; word != transcript.words.end(); ++word) {
    for (CuePiece& piece : cut_word(*word)) rest.push_back(std::move(piece));
  }
  sentences.push_back(std::move(rest));
  return sentences;
}

// True when the piece went into the cue.
bool add_to_cue(OpenCue& cue, const CuePiece& piece) {
  if (piece.end - cue.start > kLongestCue || piece.start - cue.end > kPause) return false;
  std::string& line = cue.lines.back();
  const std::string_view space = piece.joined ? "" : " ";
  if (letters(line) + space.size() + letters(piece.text) <= kLineLetters) {
    line += space;
    line += piece.text;
  } else if (cue.lines.size() < 2) {
    cue.lines.push_back(piece.text);
  } else {
    return false;
  }
  cue.end = std::max(cue.end, piece.end);
  return true;
}

std::string timestamp(std::int64_t ms, char decimal_mark) {
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     decimal_mark, ms % 1000);
}

// A cue, and on which channel it was said, from 1; 0: there is one alone.
struct SpokenCue {
  Cue cue;
  std::size_t channel = 0;
};

std::vector<SpokenCue> spoken_cues(const Transcript& transcript) {
  std::vector<SpokenCue> cues;
  for (Cue& cue : make_cues(transcript)) cues.push_back({std::move(cue)});
  return cues;
}

std::vector<SpokenCue> spoken_cues(std::span<const Transcript> channels) {
  std::vector<SpokenCue> cues;
  for (std::size_t index = 0; index < channels.size(); ++index) {
    for (Cue& cue : make_cues(channels[index])) cues.push_back({std::move(cue), index + 1});
  }
  std::stable_sort(cues.begin(), cues.end(),
                   [](const SpokenCue& a, const SpokenCue& b) { return a.cue.start_ms < b.cue.start_ms; });
  return cues;
}

std::string srt_file(const std::vector<SpokenCue>& cues) {
  std::string file;
  int number = 0;
  for (const auto& [cue, channel] : cues) {
    std::string text = fmt::format("{}", fmt::join(cue.lines, "\n"));
    replace_all(text, "-->", "->");  // SubRip has no escapes
    const std::string speaker = channel > 0 ? fmt::format("{}: ", channel) : "";
    file += fmt::format("{}\n{} --> {}\n{}{}\n\n", ++number, timestamp(cue.start_ms, ','),
                        timestamp(cue.end_ms, ','), speaker, text);
  }
  return file;
}

std::string vtt_file(const std::vector<SpokenCue>& cues) {
  std::string file = "WEBVTT\n\n";
  for (const auto& [cue, channel] : cues) {
    std::string text = fmt::format("{}", fmt::join(cue.lines, "\n"));
    replace_all(text, "&", "&amp;");
    replace_all(text, "<", "&lt;");
    replace_all(text, ">", "&gt;");
    const std::string speaker = channel > 0 ? fmt::format("<v {}>", channel) : "";
    file += fmt::format("{} --> {}\n{}{}\n\n", timestamp(cue.start_ms, '.'), timestamp(cue.end_ms, '.'),
                        speaker, text);
  }
  return file;
}

}  // namespace

std::vector<Cue> make_cues(const Transcript& transcript) {
  std::vector<OpenCue> open;
  for (const std::vector<CuePiece>& pieces : pieces_of_sentences(transcript)) {
    bool first = true;
    for (const CuePiece& piece : pieces) {
      if (first || !add_to_cue(open.back(), piece)) open.push_back({piece.start, piece.end, {piece.text}});
      first = false;
    }
  }
  std::vector<Cue> cues;
  std::int64_t free_from = 0;  // ms
  for (std::size_t index = 0; index < open.size(); ++index) {
    OpenCue& cue = open[index];
    double end = std::clamp(cue.end, cue.start + kShortestCue, cue.start + kLongestCue);
    if (index + 1 < open.size()) end = std::min(end, open[index + 1].start);
    const std::int64_t start_ms = std::max<std::int64_t>(free_from, std::llround(cue.start * 1000));
    const std::int64_t end_ms = std::max<std::int64_t>(start_ms + 1, std::llround(end * 1000));
    cues.push_back({start_ms, end_ms, std::move(cue.lines)});
    free_from = end_ms;
  }
  return cues;
}

std::string to_srt(const Transcript& transcript) { return srt_file(spoken_cues(transcript)); }

std::string to_vtt(const Transcript& transcript) { return vtt_file(spoken_cues(transcript)); }

std::string conversation_to_srt(std::span<const Transcript> channels) {
  return srt_file(spoken_cues(channels));
}

std::string conversation_to_vtt(std::span<const Transcript> channels) {
  return vtt_file(spoken_cues(channels));
}

}  // namespace glossa::text
