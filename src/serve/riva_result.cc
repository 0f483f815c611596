#include "serve/riva_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "serve/latency.h"
#include "serve/proto/riva_asr.pb.h"
#include "serve/punctuation.h"

namespace glossa::serve {
namespace {

namespace asr = nvidia::riva::asr;

// How much of an interim result stays: all, but for a last word that grows, or as much as stays of a draft or
// of what a beam has not settled.
constexpr float kSettledStability = 0.9f;
constexpr float kUnsettledStability = 0.5f;

std::string language_of(const std::string& tag, const RivaRequest& request) {
  return tag.empty() ? request.language : tag;
}

std::string as_asked(const std::string& text, const RivaRequest& request, const std::string& language) {
  return request.punctuation ? text : without_punctuation(text, language);
}

bool write_text(const Utterance& utterance, const RivaRequest& request,
                asr::SpeechRecognitionAlternative& alternative) {
  const std::string language = language_of(utterance.language, request);
  const std::string text = as_asked(utterance.text, request, language);
  if (text.empty()) return false;
  alternative.set_transcript(text + ' ');
  if (!language.empty()) alternative.add_language_code(language);
  return true;
}

std::int32_t rounded_milliseconds(double seconds) {
  return static_cast<std::int32_t>(std::lround(seconds * 1000));
}

void write_words(const Utterance& utterance, const RivaRequest& request,
                 asr::SpeechRecognitionAlternative& alternative) {
  for (const Word& word : utterance.words) {
    const std::string language =
        language_of(word.language.empty() ? utterance.language : word.language, request);
    std::string text = as_asked(word.text, request, language);
    if (text.empty()) continue;
    asr::WordInfo& info = *alternative.add_words();
    info.set_word(std::move(text));
    info.set_start_time(rounded_milliseconds(word.start));
    info.set_end_time(rounded_milliseconds(word.end));
    info.set_confidence(word.confidence);
    info.set_language_code(language);
  }
}

// Behind the first one. Without punctuation some are the same.
template <class Result>
void write_alternatives(const Utterance& utterance, const RivaRequest& request, Result& result) {
  const std::string language = language_of(utterance.language, request);
  for (const std::string& other : utterance.alternatives) {
    if (result.alternatives_size() >= request.alternatives) return;
    std::string text = as_asked(other, request, language);
    if (text.empty()) continue;
    text += ' ';
    const auto& told = result.alternatives();
    const bool is_told = std::any_of(
        told.begin(), told.end(), [&](const auto& alternative) { return alternative.transcript() == text; });
    if (!is_told) result.add_alternatives()->set_transcript(std::move(text));
  }
}

template <class Result>
void write_place(const RivaPlace& place, Result& result) {
  result.set_channel_tag(place.channel);
  result.set_audio_processed(static_cast<float>(place.audio_processed));
}

// Of either kind of result.
template <class Result>
bool write_utterance(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                     Result& result) {
  if (!write_text(utterance, request, *result.add_alternatives())) return false;
  write_place(place, result);
  return true;
}

template <class Result>
bool write_complete(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                    Result& result) {
  if (!write_utterance(utterance, request, place, result)) return false;
  asr::SpeechRecognitionAlternative& alternative = *result.mutable_alternatives(0);
  alternative.set_confidence(utterance.confidence);
  if (request.word_times) write_words(utterance, request, alternative);
  write_alternatives(utterance, request, result);
  return true;
}

}  // namespace

bool write_final(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                 asr::StreamingRecognitionResult& result) {
  result.set_is_final(true);
  return write_complete(utterance, request, place, result);
}

bool write_final(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                 asr::SpeechRecognitionResult& result) {
  return write_complete(utterance, request, place, result);
}

bool write_interim(const UtteranceUpdate& heard, const RivaRequest& request, const RivaPlace& place,
                   asr::StreamingRecognitionResult& result) {
  const bool is_unsettled = heard.interim && (!heard.open || heard.open->text != heard.interim->text);
  result.set_stability(is_unsettled ? kUnsettledStability : kSettledStability);
  if (heard.interim) return write_utterance(*heard.interim, request, place, result);
  result.add_alternatives();
  write_place(place, result);
  return true;
}

void write_model_config(const ModelInfo& model, asr::RivaSpeechRecognitionConfigResponse& response) {
  asr::RivaSpeechRecognitionConfigResponse::Config& config = *response.add_model_config();
  config.set_model_name(model.name);
  std::string languages;
  for (const Language& language : model.languages)
    languages += (languages.empty() ? "" : ",") + language.code;
  std::string latencies;
  for (const AttContext& context : model.att_contexts)
    latencies += (latencies.empty() ? "" : ",") + latency_name(context, model);
  auto& parameters = *config.mutable_parameters();
  parameters["type"] = "online";
  parameters["streaming"] = "True";
  parameters["language_code"] = languages;
  parameters["sample_rate"] = std::to_string(model.sample_rate);
  parameters["chunk_size"] =
      fmt::format("{:g}", model.att_contexts.front().chunk_frames() * model.frame_seconds);
  parameters["latency"] = latencies;
}

}  // namespace glossa::serve
