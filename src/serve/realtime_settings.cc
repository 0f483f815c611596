#include "serve/realtime_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "base/printable.h"
#include "serve/boosting.h"
#include "serve/latency.h"
#include "serve/stream_limits.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr int kOpenAiRate = 24000;      // Hz, of what says no rate
constexpr int kRivaRate = 16000;        // Hz, the same
constexpr double kLongestSilence = 60;  // seconds
constexpr double kOpenAiSilence = 0.5;  // seconds, where neither the client nor the server say one
constexpr const char* kLogprobs = "item.input_audio_transcription.logprobs";
constexpr double kLargestBoost = 1e6;  // of other servers' scales

// The member of an object; null where there is none.
const json& member(const json& object, const char* name) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

// For messages.
std::string quoted(const json& value) { return printable(text::json_text(value)); }

std::string text_of(const json& object, const char* name, const std::string& otherwise) {
  const json& value = member(object, name);
  if (value.is_null()) return otherwise;
  if (!value.is_string()) fail_invalid_argument("{} is {}, expected a text", name, quoted(value));
  return value.get<std::string>();
}

double number_of(const json& object, const char* name, double otherwise, double least, double most) {
  const json& value = member(object, name);
  if (value.is_null()) return otherwise;
  const double number = value.is_number() ? value.get<double>() : least - 1;
  if (!(number >= least && number <= most))
    fail_invalid_argument("{} is {}, expected {} to {}", name, quoted(value), least, most);
  return number;
}

std::string language_of(const json& object, const char* name, const std::string& otherwise) {
  const std::string language = text_of(object, name, otherwise);
  return language.empty() || language == "multi" ? "auto" : language;
}

// silence_duration_ms and its like: 0 or less is "not set".
double silence_of(const json& object, const char* name, double otherwise) {
  const double milliseconds = number_of(object, name, -1, -1, kLongestSilence * 1000);
  return milliseconds <= 0 ? otherwise : milliseconds / 1000;
}

void read_latency(const json& session, const ModelInfo& model, StreamOptions& options) {
  const json& context = member(session, "att_context_size");
  if (!context.is_null()) {
    const bool is_pair = context.is_array() && context.size() == 2 && context[0].is_number_integer() &&
                         context[1].is_number_integer();
    if (!is_pair) fail_invalid_argument("att_context_size is {}, expected two numbers", quoted(context));
    options.att_context =
        parse_latency(fmt::format("{},{}", text::json_text(context[0]), text::json_text(context[1])), model);
  }
  const std::string latency = text_of(session, "latency", "");
  if (!latency.empty()) options.att_context = parse_latency(latency, model);
}

// A list of phrases, and of objects with "phrases" and their "boost".
void read_phrases(const json& owner, const char* name, StreamOptions& options) {
  const json& list = member(owner, name);
  if (list.is_null()) return;
  if (!list.is_array()) fail_invalid_argument("{} is {}, expected a list", name, quoted(list));
  options.boosted_phrases.clear();
  for (const json& entry : list) {
    const double boost = number_of(entry, "boost", 0, 0, kLargestBoost);
    const json phrases = entry.is_object() ? member(entry, "phrases") : json::array({entry});
    for (const json& phrase : phrases) {
      if (!phrase.is_string()) fail_invalid_argument("{} has {}, expected a text", name, quoted(phrase));
      add_boosted_phrase(phrase.get<std::string>(), boost_score(boost, "boost"), options.boosted_phrases);
    }
  }
}

std::string format_name(SampleFormat samples) {
  if (samples == SampleFormat::kMulaw) return "audio/pcmu";
  return samples == SampleFormat::kAlaw ? "audio/pcma" : "audio/pcm";
}

std::string beta_format_name(SampleFormat samples) {
  if (samples == SampleFormat::kMulaw) return "g711_ulaw";
  return samples == SampleFormat::kAlaw ? "g711_alaw" : "pcm16";
}

bool is_pcm(const RealtimeSettings& settings) { return settings.sound.samples == SampleFormat::kSigned16; }

// Of PCM that does not say its own: what it was, or where it was something else, the dialect's.
int pcm_rate(const RealtimeSettings& settings, int otherwise) {
  return is_pcm(settings) ? settings.sound.rate : otherwise;
}

// Who asks for turns gets them, also where silence ends no utterance.
double turn_silence(double silence) { return silence > 0 ? silence : kOpenAiSilence; }

// null: the client ends turns itself.
void read_turn_detection(const json& owner, double silence, RealtimeSettings& settings) {
  if (!owner.is_object() || !owner.contains("turn_detection")) return;
  const json& detection = owner["turn_detection"];
  const double before = settings.detects_turns ? settings.session.silence : turn_silence(silence);
  settings.detects_turns = !detection.is_null();
  settings.session.silence =
      settings.detects_turns ? silence_of(detection, "silence_duration_ms", before) : 0;
}

// A list of what else is told; what glossa does not know is passed over.
void read_include(const json& session, RealtimeSettings& settings) {
  if (!session.contains("include")) return;
  const json& list = session["include"];
  if (!list.is_null() && !list.is_array())
    fail_invalid_argument("include is {}, expected a list", quoted(list));
  settings.logprobs = std::find(list.begin(), list.end(), json(kLogprobs)) != list.end();
}

// What an update does not name stays as it is, unless that was in another dialect.
RealtimeSettings begin(const RealtimeSettings& current, Dialect dialect, double silence) {
  return current.dialect == dialect ? current : opening_settings(dialect, silence);
}

RealtimeSettings read_openai(const json& session, const ModelInfo& model, const RealtimeSettings& current,
                             double silence) {
  RealtimeSettings settings = begin(current, Dialect::kOpenAi, silence);
  const std::string type = text_of(session, "type", "transcription");
  if (type != "transcription")
    fail_invalid_argument("session.type is '{}', expected transcription", printable(type));
  const json& input = member(member(session, "audio"), "input");
  const json& format = member(input, "format");
  if (!format.is_null()) {
    const std::string encoding = text_of(format, "type", format_name(settings.sound.samples));
    const int rate =
        static_cast<int>(number_of(format, "rate", pcm_rate(settings, kOpenAiRate), kLeastRate, kMostRate));
    if (encoding == "audio/pcmu" || encoding == "audio/pcma") {
      settings.sound = {encoding == "audio/pcmu" ? SampleFormat::kMulaw : SampleFormat::kAlaw, 8000, 1};
    } else if (encoding == "audio/pcm") {
      settings.sound = {SampleFormat::kSigned16, rate, 1};
    } else {
      fail_invalid_argument("audio.input.format.type is '{}', expected audio/pcm, audio/pcmu or audio/pcma",
                            printable(encoding));
    }
  }
  StreamOptions& stream = settings.session.stream;
  stream.target_lang = language_of(member(input, "transcription"), "language", stream.target_lang);
  read_phrases(member(input, "transcription"), "keywords", stream);
  read_latency(session, model, stream);
  read_turn_detection(input, silence, settings);
  read_include(session, settings);
  settings.beta = false;
  return settings;
}

json turn_detection_json(const RealtimeSettings& settings) {
  if (!settings.detects_turns) return {};
  return {{"type", "server_vad"}, {"silence_duration_ms", static_cast<int>(settings.session.silence * 1000)}};
}

void describe_openai(const RealtimeSettings& settings, const ModelInfo& model, json& session) {
  const json transcription = {
      {"model", model.name}, {"language", settings.session.stream.target_lang}, {"prompt", ""}};
  session["type"] = "transcription";
  session["include"] = settings.logprobs ? json::array({kLogprobs}) : json();
  if (settings.beta) {
    session["input_audio_format"] = beta_format_name(settings.sound.samples);
    session["input_audio_transcription"] = transcription;
    session["input_audio_noise_reduction"] = nullptr;
    session["turn_detection"] = turn_detection_json(settings);
  } else {
    session["audio"]["input"] = {
        {"format", {{"type", format_name(settings.sound.samples)}, {"rate", settings.sound.rate}}},
        {"transcription", transcription},
        {"noise_reduction", nullptr},
        {"turn_detection", turn_detection_json(settings)}};
  }
}

}  // namespace

RealtimeSettings opening_settings(Dialect dialect, double silence) {
  RealtimeSettings settings;
  settings.dialect = dialect;
  settings.session.silence = silence;
  if (dialect == Dialect::kOpenAi) {
    settings.sound.rate = kOpenAiRate;
    settings.session.silence = turn_silence(silence);
  }
  return settings;
}

RealtimeSettings read_session_update(const json& session, const ModelInfo& model,
                                     const RealtimeSettings& current, double silence) {
  if (!session.is_object()) fail_invalid_argument("session is {}, expected an object", quoted(session));
  if (session.contains("type") || session.contains("audio"))
    return read_openai(session, model, current, silence);
  RealtimeSettings settings = begin(current, Dialect::kCaptions, silence);
  settings.sound.rate =
      static_cast<int>(number_of(session, "sample_rate", settings.sound.rate, kLeastRate, kMostRate));
  settings.session.silence = silence_of(session, "endpointing_ms", settings.session.silence);
  StreamOptions& stream = settings.session.stream;
  stream.target_lang = language_of(session, "language", stream.target_lang);
  read_phrases(session, "speech_contexts", stream);
  read_latency(session, model, stream);
  return settings;
}

RealtimeSettings read_transcription_session_update(const json& session, const ModelInfo& model,
                                                   const RealtimeSettings& current, double silence) {
  if (!session.is_object()) fail_invalid_argument("session is {}, expected an object", quoted(session));
  const json& sound = member(session, "input_audio_params");
  const bool riva = sound.is_object() || current.dialect == Dialect::kRiva;
  RealtimeSettings settings = begin(current, riva ? Dialect::kRiva : Dialect::kOpenAi, silence);
  const std::string format = text_of(session, "input_audio_format", "");
  if (format == "g711_ulaw" || format == "g711_alaw") {
    settings.sound = {format == "g711_ulaw" ? SampleFormat::kMulaw : SampleFormat::kAlaw, 8000, 1};
  } else if (format == "pcm16" || format == "none" || (format.empty() && is_pcm(settings))) {
    const int rate = pcm_rate(settings, riva ? kRivaRate : kOpenAiRate);
    const int channels = is_pcm(settings) ? settings.sound.channels : 1;
    settings.sound = {SampleFormat::kSigned16,
                      static_cast<int>(number_of(sound, "sample_rate_hz", rate, kLeastRate, kMostRate)),
                      static_cast<int>(number_of(sound, "num_channels", channels, 1, 8))};
  } else if (!format.empty()) {
    fail_invalid_argument("input_audio_format is '{}', expected pcm16, g711_ulaw or g711_alaw",
                          printable(format));
  }
  StreamOptions& stream = settings.session.stream;
  stream.target_lang =
      language_of(member(session, "input_audio_transcription"), "language", stream.target_lang);
  const json& boosting = member(session, "word_boosting");
  if (member(boosting, "enable_word_boosting") != json(false))
    read_phrases(boosting, "word_boosting_list", stream);
  const json& endpointing = member(session, "endpointing_config");
  settings.session.silence = silence_of(endpointing, "stop_history_eou",
                                        silence_of(endpointing, "stop_history", settings.session.silence));
  read_latency(member(session, "custom_configuration"), model, stream);
  settings.beta = !riva;
  if (!riva) {
    read_turn_detection(session, silence, settings);
    read_include(session, settings);
  }
  return settings;
}

json describe_session(const RealtimeSettings& settings, const ModelInfo& model) {
  const AttContext context = settings.session.stream.att_context.value_or(model.att_contexts.front());
  const std::string& language = settings.session.stream.target_lang;
  json session = {{"object", "realtime.transcription_session"},
                  {"att_context_size", {context.left, context.right}},
                  {"latency", latency_name(context, model)}};
  switch (settings.dialect) {
    case Dialect::kCaptions:
      session["sample_rate"] = settings.sound.rate;
      session["language"] = language;
      session["endpointing_ms"] = static_cast<int>(settings.session.silence * 1000);
      break;
    case Dialect::kOpenAi:
      describe_openai(settings, model, session);
      break;
    case Dialect::kRiva:
      session["input_audio_format"] = "pcm16";
      session["input_audio_transcription"] = {{"language", language}, {"model", model.name}, {"prompt", ""}};
      session["input_audio_params"] = {{"sample_rate_hz", settings.sound.rate},
                                       {"num_channels", settings.sound.channels}};
      break;
  }
  return session;
}

}  // namespace glossa::serve
