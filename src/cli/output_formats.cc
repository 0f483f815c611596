#include "cli/output_formats.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "text/conversation.h"
#include "text/json_text.h"
#include "text/subtitles.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

// Times, confidences and scores with the digits that mean something.
ordered_json seconds(double value) { return std::round(value * 1000) / 1000; }
ordered_json four_digits(double value) { return std::round(value * 10000) / 10000; }

std::string dump(const ordered_json& object) {
  // File names need not be UTF-8.
  return text::json_text(object) + "\n";
}

ordered_json to_json(const Sentence& sentence) {
  return {{"text", sentence.text},
          {"language", sentence.language},
          {"start", seconds(sentence.start)},
          {"end", seconds(sentence.end)}};
}

// From text on.
void add_transcript(const Recognition& recognition, ordered_json& object) {
  const Transcript& transcript = recognition.transcript;
  object.update({{"text", transcript.text},
                 {"language", transcript.language},
                 {"sentences", ordered_json::array()},
                 {"words", ordered_json::array()},
                 {"tokens", ordered_json::array()},
                 {"token_frames", ordered_json::array()}});
  for (const Sentence& sentence : transcript.sentences) object["sentences"].push_back(to_json(sentence));
  for (const Word& word : transcript.words) {
    object["words"].push_back({{"word", word.text},
                               {"start", seconds(word.start)},
                               {"end", seconds(word.end)},
                               {"confidence", four_digits(word.confidence)},
                               {"language", word.language}});
  }
  for (const Token& token : transcript.tokens) {
    object["tokens"].push_back(token.id);
    object["token_frames"].push_back(token.frame);
    if (token.boosted) object["boosted_tokens"].push_back(object["tokens"].size() - 1);
  }
  for (const Alternative& alternative : recognition.alternatives) {
    ordered_json tokens = ordered_json::array();
    for (const Token& token : alternative.tokens) tokens.push_back(token.id);
    object["alternatives"].push_back({{"text", alternative.text},
                                      {"score", four_digits(alternative.score)},
                                      {"tokens", std::move(tokens)}});
  }
}

ordered_json begin_json(const Recognition& recognition) {
  return {{"audio_filepath", recognition.audio_filepath},
          {"duration", seconds(recognition.transcript.duration)}};
}

std::string to_json(const Recognition& recognition) {
  ordered_json object = begin_json(recognition);
  add_transcript(recognition, object);
  object["processing_seconds"] = seconds(recognition.processing_seconds);
  return dump(object);
}

std::string to_json(std::span<const Recognition> channels, std::span<const Transcript> transcripts) {
  ordered_json object = begin_json(channels.front());
  object["sentences"] = ordered_json::array();
  for (const auto& [channel, sentence] : text::sentences_in_order(transcripts)) {
    ordered_json& one = object["sentences"].emplace_back(ordered_json{{"channel", channel + 1}});
    one.update(to_json(*sentence));
  }
  double processing_seconds = 0;
  for (const Recognition& recognition : channels) {
    ordered_json& one = object["channels"].emplace_back();
    one["channel"] = object["channels"].size();
    add_transcript(recognition, one);
    processing_seconds += recognition.processing_seconds;
  }
  object["processing_seconds"] = seconds(processing_seconds);
  return dump(object);
}

}  // namespace

OutputFormat parse_output_format(std::string_view name) {
  if (name == "text") return OutputFormat::kText;
  if (name == "json") return OutputFormat::kJson;
  if (name == "srt") return OutputFormat::kSrt;
  if (name == "vtt") return OutputFormat::kVtt;
  fail_invalid_argument("wrong output format (expected text, json, srt or vtt, got {}, from --format)", name);
}

std::string_view file_extension(OutputFormat format) {
  switch (format) {
    case OutputFormat::kText:
      return ".txt";
    case OutputFormat::kJson:
      return ".json";
    case OutputFormat::kSrt:
      return ".srt";
    case OutputFormat::kVtt:
      return ".vtt";
  }
  return "";
}

std::string format_recognition(const Recognition& recognition, OutputFormat format) {
  switch (format) {
    case OutputFormat::kText:
      return recognition.transcript.text + "\n";
    case OutputFormat::kJson:
      return to_json(recognition);
    case OutputFormat::kSrt:
      return text::to_srt(recognition.transcript);
    case OutputFormat::kVtt:
      return text::to_vtt(recognition.transcript);
  }
  return "";
}

std::string format_conversation(std::span<const Recognition> channels, OutputFormat format) {
  std::vector<Transcript> transcripts;
  for (const Recognition& recognition : channels) transcripts.push_back(recognition.transcript);
  std::string lines;
  switch (format) {
    case OutputFormat::kText:
      for (const auto& [channel, text] : text::turns_in_order(transcripts))
        lines += fmt::format("{}: {}\n", channel + 1, text);
      return lines;
    case OutputFormat::kJson:
      return to_json(channels, transcripts);
    case OutputFormat::kSrt:
      return text::conversation_to_srt(transcripts);
    case OutputFormat::kVtt:
      return text::conversation_to_vtt(transcripts);
  }
  return "";
}

std::string format_sentence_json(const Sentence& sentence) { return dump(to_json(sentence)); }

std::string behind(const std::string& drafted, const std::string& settled) {
  auto begin = std::mismatch(settled.begin(), settled.end(), drafted.begin(), drafted.end()).second;
  // Not within a character.
  while (begin != drafted.begin() && begin != drafted.end() &&
         (static_cast<unsigned char>(*begin) & 0xc0) == 0x80)
    --begin;
  return {begin, drafted.end()};
}

std::string format_partial_json(const Recognition& recognition) {
  const Transcript& transcript = recognition.transcript;
  ordered_json object = {{"audio_filepath", recognition.audio_filepath},
                         {"partial", true},
                         {"duration", seconds(transcript.duration)},
                         {"text", transcript.text},
                         {"language", transcript.language}};
  if (recognition.draft) object["draft"] = *recognition.draft;
  return dump(object);
}

}  // namespace glossa::cli
