#include "serve/listen_reply.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/uuid/name_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "serve/event_log.h"
#include "serve/punctuation.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr const char* kArchitecture = "cache-aware-fastconformer-rnnt";

std::string dump(const json& value) { return text::json_text(value); }

json model_info(const ListenAbout& about) {
  return {{"name", about.model}, {"version", about.version}, {"arch", kArchitecture}};
}

std::string as_asked(const std::string& text, const ListenSettings& settings, const std::string& language) {
  return settings.punctuation ? text : without_punctuation(text, language);
}

json words_json(const std::vector<Word>& words, const ListenSettings& settings, const std::string& language) {
  json list = json::array();
  for (const Word& word : words) {
    const std::string& tag = word.language.empty() ? language : word.language;
    const std::string bare = without_punctuation(word.text, tag);
    if (bare.empty()) continue;
    json entry = {{"word", bare}, {"start", word.start}, {"end", word.end}, {"confidence", word.confidence}};
    if (settings.punctuation) entry["punctuated_word"] = word.text;
    if (!tag.empty()) entry["language"] = tag;
    list.push_back(std::move(entry));
  }
  return list;
}

json alternative_json(const Utterance& utterance, const ListenSettings& settings) {
  json alternative = {{"transcript", as_asked(utterance.text, settings, utterance.language)},
                      {"confidence", utterance.confidence},
                      {"words", words_json(utterance.words, settings, utterance.language)}};
  if (!utterance.language.empty()) alternative["languages"] = json::array({utterance.language});
  return alternative;
}

json channel_json(const ListenPlace& place) { return {place.channel, place.channels}; }

std::string time_now() {
  return fmt::format("{:%FT%T}Z",
                     std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

json metadata_json(const ListenAbout& about, double seconds, int channels, std::string_view checksum) {
  return {{"transaction_key", "deprecated"},
          {"request_id", about.request_id},
          {"sha256", checksum},
          {"created", time_now()},
          {"duration", seconds},
          {"channels", channels},
          {"models", {about.model_uuid}},
          {"model_info", {{about.model_uuid, model_info(about)}}}};
}

json file_channel_json(const Transcript& transcript, const ListenSettings& settings) {
  Utterance whole;
  whole.text = transcript.text;
  whole.language = transcript.language;
  whole.words = transcript.words;
  for (const Word& word : whole.words)
    whole.confidence += word.confidence / static_cast<float>(whole.words.size());
  json channel = {{"alternatives", json::array({alternative_json(whole, settings)})}};
  if (!whole.language.empty()) channel["detected_language"] = whole.language;
  return channel;
}

}  // namespace

ListenAbout listen_about(const std::string& request_id, const std::string& model,
                         const std::string& version) {
  const boost::uuids::name_generator_sha1 named(boost::uuids::ns::url());
  return {request_id, model, to_string(named("glossa:" + model)), version};
}

std::string results_message(const Utterance& utterance, const ListenSettings& settings,
                            const ListenPlace& place, const ListenResult& result, const ListenAbout& about) {
  return dump({{"type", "Results"},
               {"channel_index", channel_json(place)},
               {"start", utterance.start},
               {"duration", utterance.end - utterance.start},
               {"is_final", result.is_final},
               {"speech_final", result.speech_final},
               {"from_finalize", result.from_finalize},
               {"channel", {{"alternatives", json::array({alternative_json(utterance, settings)})}}},
               {"metadata",
                {{"request_id", about.request_id},
                 {"model_info", model_info(about)},
                 {"model_uuid", about.model_uuid}}}});
}

std::string speech_started_message(const ListenPlace& place, double seconds) {
  return dump({{"type", "SpeechStarted"}, {"channel", channel_json(place)}, {"timestamp", seconds}});
}

std::string utterance_end_message(const ListenPlace& place, double last_word_end) {
  return dump({{"type", "UtteranceEnd"}, {"channel", channel_json(place)}, {"last_word_end", last_word_end}});
}

std::string metadata_message(const ListenAbout& about, double seconds, int channels) {
  json message = metadata_json(about, seconds, channels, "");
  message["type"] = "Metadata";
  return dump(message);
}

std::string error_message(const ApiError& error) {
  return dump({{"type", "Error"},
               {"variant", error.code},
               {"description", error.message},
               {"message", error.message}});
}

std::string file_answer(std::span<const Transcript> channels, const ListenSettings& settings,
                        const ListenAbout& about, std::string_view checksum) {
  json results = {{"channels", json::array()}};
  std::vector<json> utterances;
  for (std::size_t index = 0; index < channels.size(); ++index) {
    const Transcript& transcript = channels[index];
    results["channels"].push_back(file_channel_json(transcript, settings));
    if (!settings.utterances) continue;
    for (const Utterance& utterance : Utterances(0).update(transcript, /*all=*/true).finals) {
      json& entry = utterances.emplace_back(alternative_json(utterance, settings));
      entry.update(
          {{"start", utterance.start}, {"end", utterance.end}, {"channel", index}, {"id", request_name()}});
    }
  }
  if (settings.utterances) {
    std::stable_sort(utterances.begin(), utterances.end(),
                     [](const json& a, const json& b) { return a["start"] < b["start"]; });
    results["utterances"] = utterances;
  }
  const auto count = static_cast<int>(channels.size());
  return dump(
      {{"metadata", metadata_json(about, channels.front().duration, count, checksum)}, {"results", results}});
}

std::string refusal(const ApiError& error, const std::string& request_id) {
  return dump({{"err_code", error.code}, {"err_msg", error.message}, {"request_id", request_id}});
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

}  // namespace glossa::serve
