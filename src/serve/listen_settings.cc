#include "serve/listen_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/printable.h"
#include "serve/boosting.h"
#include "serve/latency.h"
#include "serve/stream_limits.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

constexpr int kMostMilliseconds = 60'000;
constexpr std::array<std::string_view, 8> kRefused = {
    "diarize", "redact", "replace", "search", "detect_entities", "callback", "translate", "summarize"};

// The last of that name, as the last word of a client is its word.
std::optional<std::string> value_of(const Fields& query, std::string_view name) {
  const auto found =
      std::find_if(query.rbegin(), query.rend(), [&](const auto& field) { return field.first == name; });
  return found == query.rend() ? std::nullopt : std::optional(found->second);
}

bool is_false(const std::string& value) { return value == "false" || value == "False" || value == "0"; }

bool is_true(const std::string& value) { return value == "true" || value == "True" || value == "1"; }

bool flag(const Fields& query, std::string_view name) {
  const auto value = value_of(query, name);
  if (!value || is_false(*value)) return false;
  if (value->empty() || is_true(*value)) return true;
  fail_invalid_argument("{} is \"{}\", expected true or false", name, printable(*value));
}

int number(const Fields& query, std::string_view name, int otherwise, int least, int most) {
  const auto value = value_of(query, name);
  if (!value) return otherwise;
  int result = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), result);
  const bool whole = error == std::errc() && end == value->data() + value->size();
  if (!whole || result < least || result > most)
    fail_invalid_argument("{} is \"{}\", expected {} to {}", name, printable(*value), least, most);
  return result;
}

void refuse_unsupported(const Fields& query) {
  for (const std::string_view name : kRefused) {
    const auto value = value_of(query, name);
    if (value && !value->empty() && !is_false(*value))
      fail_invalid_argument("{} is not supported: leave it out", name);
  }
}

void read_sound(const Fields& query, Kind kind, int model_rate, ListenSettings& settings) {
  const auto encoding = value_of(query, "encoding");
  RawFormat& sound = settings.sound;
  if (encoding == "mulaw" || encoding == "alaw") {
    sound.samples = encoding == "mulaw" ? SampleFormat::kMulaw : SampleFormat::kAlaw;
    sound.rate = 8000;
  } else if (encoding == "linear16" || encoding == "linear32") {
    sound.samples = encoding == "linear16" ? SampleFormat::kSigned16 : SampleFormat::kFloat32;
    sound.rate = model_rate;
  } else if (encoding && kind == Kind::kLive) {
    fail_invalid_argument(
        "encoding is \"{}\", expected linear16, linear32, mulaw or alaw (a file may be of any kind)",
        printable(*encoding));
  } else if (kind == Kind::kLive) {
    sound.rate = model_rate;  // a WAV header says more
  }
  if (sound.rate != 0) sound.rate = number(query, "sample_rate", sound.rate, kLeastRate, kMostRate);
  sound.channels = number(query, "channels", 1, 1, kMostChannels);
  // How many channels a file has is found out by reading it.
  settings.separate = flag(query, "multichannel") && (kind == Kind::kFile || sound.channels > 1);
}

// true, or the codes to choose from, which the model does not need.
bool asks_to_detect(const Fields& query) {
  const auto value = value_of(query, "detect_language");
  return value && !is_false(*value);
}

void read_language(const Fields& query, StreamOptions& options) {
  const std::string language = value_of(query, "language").value_or("");
  const bool found_by_model = language.empty() || language == "multi" || asks_to_detect(query);
  options.target_lang = found_by_model ? "auto" : language;
}

// One text, or several as Deepgram's SDK for JavaScript writes them: ["a","b"].
std::vector<std::string> texts_of(const std::string& value) {
  const nlohmann::json list = text::parsed_json(value);
  std::vector<std::string> texts;
  if (!list.is_array()) return {value};
  for (const nlohmann::json& text : list) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

// keyterm=PHRASE and keywords=WORD:STRENGTH, any number of them. A strength below 0 keeps a word away, which
// is not done.
void read_phrases(const Fields& query, StreamOptions& options) {
  for (const auto& [name, value] : query) {
    if (name != "keyterm" && name != "keywords") continue;
    for (const std::string& text : texts_of(value)) {
      const std::size_t colon = name == "keywords" ? text.rfind(':') : std::string::npos;
      const bool suppressed = colon != std::string::npos && text.substr(colon + 1).starts_with('-');
      if (!suppressed) add_boosted_phrase(text.substr(0, colon), kDefaultBoost, options.boosted_phrases);
    }
  }
}

void read_endpointing(const Fields& query, double silence, ListenSettings& settings) {
  const auto endpointing = value_of(query, "endpointing");
  if (endpointing && is_false(*endpointing)) {
    settings.session.silence = 0;
  } else if (endpointing && !is_true(*endpointing)) {
    settings.session.silence = number(query, "endpointing", 0, 1, kMostMilliseconds) / 1000.0;
  } else {
    settings.session.silence = silence;
  }
  settings.utterance_end = number(query, "utterance_end_ms", 0, 0, kMostMilliseconds) / 1000.0;
}

}  // namespace

ListenSettings read_listen_query(const Fields& query, const ModelInfo& model, Kind kind, double silence) {
  ListenSettings settings;
  settings.session.kind = kind;
  settings.session.keeps_transcript = kind == Kind::kFile;
  refuse_unsupported(query);
  read_sound(query, kind, model.sample_rate, settings);
  read_language(query, settings.session.stream);
  read_phrases(query, settings.session.stream);
  read_endpointing(query, silence, settings);
  if (const auto latency = value_of(query, "latency")) {
    settings.session.stream.att_context = parse_latency(*latency, model);
  } else if (kind == Kind::kFile) {
    settings.session.stream.att_context = most_accurate(model);
  }
  settings.interim_results = flag(query, "interim_results");
  settings.session.takes_drafts = settings.interim_results;
  settings.punctuation = flag(query, "punctuate") || flag(query, "smart_format") || flag(query, "dictation");
  settings.speech_started = flag(query, "vad_events");
  settings.utterances = flag(query, "utterances");
  return settings;
}

}  // namespace glossa::serve
