// What `transcribe` writes for one input.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::cli {

enum class OutputFormat { kText, kJson, kSrt, kVtt };

// text, json, srt or vtt; Error kInvalidArgument for anything else.
OutputFormat parse_output_format(std::string_view name);
std::string_view file_extension(OutputFormat format);  // ".txt", ".json", ".srt", ".vtt"

struct Recognition {
  std::string audio_filepath;
  Transcript transcript;
  std::optional<std::string> draft;       // what stands behind the text and is not settled; none: no draft
  std::vector<Alternative> alternatives;  // the best first; empty: not asked for
  double processing_seconds = 0;          // of computing; in a batch the stream's share by duration
};

// {"text", "language", "start", "end"}, as among a recognition's sentences; one line.
std::string format_sentence_json(const Sentence& sentence);

// What `drafted` has behind `settled`, with which it begins but for white space and unfinished characters.
std::string behind(const std::string& drafted, const std::string& settled);

// The whole text in that format, with a line feed at the end. JSON is one line: audio_filepath, duration,
// text, language, sentences[{text, language, start, end}], words[{word, start, end, confidence, language}],
// tokens[ids], token_frames[encoder frames], where boosting changed something boosted_tokens[indices], with
// alternatives alternatives[{text, score, tokens[ids]}], processing_seconds. Times are seconds.
std::string format_recognition(const Recognition& recognition, OutputFormat format);

// The channels of one recording, with a speaker on each, at least one. Text has a line for every turn and its
// channel, from 1, before it: "1: Good morning.". So have subtitles (text/subtitles.h). JSON is one line:
// audio_filepath, duration, sentences[{channel, text, language, start, end}] of all channels in their order,
// channels[{channel, and what format_recognition() has from text on}], processing_seconds of all.
std::string format_conversation(std::span<const Recognition> channels, OutputFormat format);

// What is known so far, for programs: audio_filepath, partial: true, duration, text, language, and with a
// draft: draft; one line.
std::string format_partial_json(const Recognition& recognition);

}  // namespace glossa::cli
