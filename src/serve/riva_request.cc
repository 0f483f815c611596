#include "serve/riva_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/edit_distance.h"
#include "base/fail.h"
#include "base/printable.h"
#include "serve/boosting.h"
#include "serve/latency.h"
#include "serve/passed_over.h"
#include "serve/proto/riva_asr.pb.h"
#include "serve/stream_limits.h"

namespace glossa::serve {
namespace {

namespace riva = nvidia::riva;
using riva::asr::RecognitionConfig;

constexpr std::size_t kMistyped = 2;  // edits
constexpr std::array<std::string_view, 4> kCustomKeys = {"att_context_size", "latency", "stop_history_eou",
                                                         "target_lang"};

std::optional<int> parse_int(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string without_spaces(std::string_view text) {
  std::string bare(text);
  std::erase_if(bare, [](char c) { return c == ' ' || c == '\t'; });
  return bare;
}

// "56,3" or "[56,3]".
AttContext parse_att_context(std::string_view text) {
  const std::string bare = without_spaces(text);
  std::string_view numbers = bare;
  if (numbers.starts_with('[') && numbers.ends_with(']')) numbers = numbers.substr(1, numbers.size() - 2);
  const std::size_t comma = numbers.find(',');
  if (comma != std::string_view::npos) {
    const auto left = parse_int(numbers.substr(0, comma));
    const auto right = parse_int(numbers.substr(comma + 1));
    if (left && right) return {*left, *right};
  }
  fail_invalid_argument(
      "custom_configuration: att_context_size is \"{}\", expected two numbers as in \"56,3\"",
      printable(text));
}

// "100ms": a latency written in the place of a model, whether there is such a one or not.
bool names_latency(std::string_view name) {
  return name.ends_with("ms") && parse_int(name.substr(0, name.size() - 2));
}

// Clients have NVIDIA's names built in: theirs are this one.
void read_model(const RecognitionConfig& config, const ModelInfo& model, RivaRequest& request) {
  const std::string& name = config.model();
  if (name.empty() || name == model.name) return;
  request.session.stream.att_context = find_latency(name, model);
  if (request.session.stream.att_context) return;
  if (!names_latency(name)) return tell_passed_over("Riva: model", name);
  throw UnknownModel(fmt::format("there is no model \"{}\" (this server has {}, at {})", printable(name),
                                 model.name, latency_names(model)));
}

void read_language(const std::string& language, RivaRequest& request) {
  const bool found_by_model = language.empty() || language == "auto" || language == "multi";
  request.session.stream.target_lang = found_by_model ? "auto" : language;
  request.language = found_by_model ? "" : language;
}

void read_sound(const RecognitionConfig& config, const ModelInfo& model, Kind kind, RivaRequest& request) {
  switch (config.encoding()) {
    case riva::ENCODING_UNSPECIFIED:
      request.encoding = RivaEncoding::kUnspecified;
      break;
    case riva::LINEAR_PCM:
      request.sound.samples = SampleFormat::kSigned16;
      break;
    case riva::MULAW:
      request.sound.samples = SampleFormat::kMulaw;
      break;
    case riva::ALAW:
      request.sound.samples = SampleFormat::kAlaw;
      break;
    case riva::FLAC:
    case riva::OGGOPUS:
      if (kind == Kind::kLive) {
        fail_invalid_argument(
            "encoding {} cannot be streamed (expected LINEAR_PCM, MULAW or ALAW; Recognize takes "
            "FLAC and Ogg files)",
            riva::AudioEncoding_Name(config.encoding()));
      }
      request.encoding = RivaEncoding::kFile;
      break;
    default:
      fail_invalid_argument("unknown encoding {}", static_cast<int>(config.encoding()));
  }
  const int rate = config.sample_rate_hertz();
  const bool is_file = request.encoding == RivaEncoding::kFile;
  if (rate != 0 && !is_file && (rate < kLeastRate || rate > kMostRate)) {
    fail_invalid_argument("sample_rate_hertz is {}, expected {} to {}, or 0 for the model's", rate,
                          kLeastRate, kMostRate);
  }
  request.sound.rate = rate == 0 ? model.sample_rate : rate;
  const int channels = config.audio_channel_count();
  if (channels < 0 || channels > kMostChannels)
    fail_invalid_argument("audio_channel_count is {}, expected 0 to {}", channels, kMostChannels);
  request.sound.channels = std::max(channels, 1);
  request.separate = request.sound.channels > 1 && config.enable_separate_recognition_per_channel();
}

void read_latency(const std::string& latency, const ModelInfo& model, RivaRequest& request) {
  request.session.stream.att_context = find_latency(latency, model);
  if (request.session.stream.att_context) return;
  fail_invalid_argument("custom_configuration: latency is \"{}\", expected one of {}", printable(latency),
                        latency_names(model));
}

void read_silence(const std::string& text, RivaRequest& request) {
  const auto ms = parse_int(without_spaces(text));
  if (!ms) {
    fail_invalid_argument("custom_configuration: stop_history_eou is \"{}\", expected milliseconds",
                          printable(text));
  }
  if (*ms > 0) request.session.silence = *ms / 1000.0;
}

// Other servers have other keys; one that is nearly ours is a mistake.
void check_custom_key(const std::string& key) {
  if (std::find(kCustomKeys.begin(), kCustomKeys.end(), key) != kCustomKeys.end()) return;
  for (const std::string_view known : kCustomKeys) {
    if (edit_distance(key, known) <= kMistyped) {
      fail_invalid_argument("custom_configuration: unknown key \"{}\" (did you mean {}?)", printable(key),
                            known);
    }
  }
  tell_passed_over("Riva: key of custom_configuration", key);
}

void read_custom_configuration(const RecognitionConfig& config, const ModelInfo& model,
                               RivaRequest& request) {
  const auto& values = config.custom_configuration();
  for (const auto& [key, value] : values) check_custom_key(key);
  const auto value_of = [&](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? std::optional<std::string>() : found->second;
  };
  if (const auto latency = value_of("latency")) read_latency(*latency, model, request);
  if (const auto context = value_of("att_context_size"))
    request.session.stream.att_context = parse_att_context(*context);
  if (const auto silence = value_of("stop_history_eou")) read_silence(*silence, request);
  if (const auto language = value_of("target_lang")) read_language(*language, request);
}

// The field of that name goes before the custom key.
void read_endpointing(const RecognitionConfig& config, RivaRequest& request) {
  const riva::asr::EndpointingConfig& endpointing = config.endpointing_config();
  if (endpointing.stop_history_eou() > 0) {
    request.session.silence = endpointing.stop_history_eou() / 1000.0;
  } else if (endpointing.stop_history() > 0) {
    request.session.silence = endpointing.stop_history() / 1000.0;
  }
}

void read_speech_contexts(const RecognitionConfig& config, RivaRequest& request) {
  for (const riva::asr::SpeechContext& context : config.speech_contexts()) {
    const float score = boost_score(context.boost(), "speech_contexts.boost");
    for (const std::string& phrase : context.phrases())
      add_boosted_phrase(phrase, score, request.session.stream.boosted_phrases);
  }
}

void refuse_unsupported(const RecognitionConfig& config) {
  if (config.profanity_filter()) fail_invalid_argument("profanity_filter is not supported: leave it off");
  if (config.diarization_config().enable_speaker_diarization())
    fail_invalid_argument("diarization_config: speaker diarization is not supported");
  if (config.max_alternatives() < 0)
    fail_invalid_argument("max_alternatives is {}, expected 0 or more", config.max_alternatives());
}

}  // namespace

RivaRequest read_riva_config(const RecognitionConfig& config, const ModelInfo& model, Kind kind,
                             double silence) {
  RivaRequest request;
  request.session.kind = kind;
  request.session.silence = silence;
  request.session.keeps_transcript = false;
  request.word_times = config.enable_word_time_offsets();
  request.punctuation = config.enable_automatic_punctuation();
  refuse_unsupported(config);
  request.alternatives = std::max(config.max_alternatives(), 1);
  request.session.takes_alternatives = request.alternatives > 1;
  read_speech_contexts(config, request);
  read_model(config, model, request);
  read_language(config.language_code(), request);
  read_sound(config, model, kind, request);
  read_custom_configuration(config, model, request);
  read_endpointing(config, request);
  return request;
}

}  // namespace glossa::serve
