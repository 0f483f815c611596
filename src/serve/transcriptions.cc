#include "serve/transcriptions.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/printable.h"
#include "serve/api_error.h"
#include "serve/boosting.h"
#include "serve/growing_text.h"
#include "serve/latency.h"
#include "serve/logprobs.h"
#include "serve/multipart.h"
#include "serve/openai.h"
#include "text/json_text.h"
#include "text/subtitles.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr std::array<std::string_view, 5> kFormats = {"json", "text", "srt", "verbose_json", "vtt"};

constexpr std::string_view kFoundByModel = "auto";

struct Order {
  std::string_view file;  // into the body
  std::string filename;
  std::string format = "json";
  bool stream = false;
  bool words = false;
  bool segments = true;
  bool logprobs = false;
  StreamOptions options;
};

Order read_order(const HttpRequest& request, const ModelInfo& model) {
  Order order;
  order.options.att_context = most_accurate(model);
  bool has_file = false;
  std::set<std::string> granularities;
  for (const FormPart& part : parse_multipart(request.header("content-type").value_or(""), request.body)) {
    const std::string value(part.data.substr(0, 100));
    if (part.name == "file") {
      has_file = true;
      order.file = part.data;
      order.filename = part.filename;
    } else if (part.name == "language") {
      if (!value.empty()) order.options.target_lang = value;
    } else if (part.name == "response_format") {
      order.format = value;
    } else if (part.name == "stream") {
      order.stream = value == "true" || value == "1" || value == "True";
    } else if (part.name == "timestamp_granularities[]" || part.name == "timestamp_granularities") {
      granularities.insert(value);
    } else if (part.name == "include[]" || part.name == "include") {
      order.logprobs = order.logprobs || value == "logprobs";
    } else if (part.name == "keywords" || part.name == "keywords[]") {
      add_boosted_phrase(std::string(part.data), kDefaultBoost, order.options.boosted_phrases);
    } else if (part.name == "latency") {
      order.options.att_context = parse_latency(value, model);
    }
  }
  if (!has_file) fail_invalid_argument("no file (expected a form field 'file' with a sound file)");
  if (std::find(kFormats.begin(), kFormats.end(), order.format) == kFormats.end())
    fail_invalid_argument("response_format is '{}', expected json, text, srt, verbose_json or vtt",
                          printable(order.format));
  order.words = granularities.contains("word");
  order.segments = granularities.empty() || granularities.contains("segment");
  return order;
}

json usage(const Transcript& transcript) {
  return {{"type", "duration"}, {"seconds", static_cast<std::int64_t>(transcript.duration + 0.999)}};
}

// As Whisper has it: how often a text repeats itself.
double compression_ratio(const std::string& text) {
  if (text.empty()) return 1;
  uLongf size = compressBound(text.size());
  std::vector<Bytef> compressed(size);
  compress(compressed.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return static_cast<double>(text.size()) / static_cast<double>(size);
}

// As the model named it, or else as it was asked for; empty: neither.
std::string language_of(const Transcript& transcript, const Order& order) {
  if (!transcript.language.empty()) return transcript.language;
  return order.options.target_lang == kFoundByModel ? "" : order.options.target_lang;
}

// The whole answer in json, and the end of a stream.
json text_json(const Transcript& transcript, const Order& order) {
  json result = {{"text", transcript.text}, {"usage", usage(transcript)}};
  if (std::string language = language_of(transcript, order); !language.empty())
    result["language"] = std::move(language);
  if (order.logprobs) result["logprobs"] = logprobs_json(transcript);
  return result;
}

json words_json(const Transcript& transcript) {
  json list = json::array();
  for (const Word& word : transcript.words) {
    json entry = {
        {"word", word.text}, {"start", word.start}, {"end", word.end}, {"confidence", word.confidence}};
    if (!word.language.empty()) entry["language"] = word.language;
    list.push_back(std::move(entry));
  }
  return list;
}

json segments_json(const Transcript& transcript) {
  json list = json::array();
  const std::span<const Token> all(transcript.tokens);
  for (const Sentence& sentence : transcript.sentences) {
    const auto tokens = all.subspan(sentence.first_token, sentence.last_token - sentence.first_token);
    json ids = json::array();
    for (const Token& token : tokens) ids.push_back(token.id);
    const double average = tokens.empty() ? 0 : sum_of_logprobs(tokens) / static_cast<double>(tokens.size());
    list.push_back({{"id", list.size()},
                    {"seek", 0},
                    {"start", sentence.start},
                    {"end", sentence.end},
                    {"text", sentence.text},
                    {"tokens", std::move(ids)},
                    {"temperature", 0.0},
                    {"avg_logprob", average},
                    {"compression_ratio", compression_ratio(sentence.text)},
                    {"no_speech_prob", 0.0},  // the model has none
                    {"language", sentence.language}});
  }
  return list;
}

json verbose(const Transcript& transcript, const Order& order) {
  json result = {{"task", "transcribe"},
                 {"language", transcript.language.empty() ? order.options.target_lang : transcript.language},
                 {"duration", transcript.duration},
                 {"text", transcript.text},
                 {"usage", usage(transcript)}};
  if (order.segments) result["segments"] = segments_json(transcript);
  if (order.words) result["words"] = words_json(transcript);
  return result;
}

void send_whole(HttpReply& reply, const Transcript& transcript, const Order& order) {
  if (order.format == "text") return reply.send(200, "text/plain; charset=utf-8", transcript.text + "\n");
  if (order.format == "srt")
    return reply.send(200, "application/x-subrip; charset=utf-8", text::to_srt(transcript));
  if (order.format == "vtt") return reply.send(200, "text/vtt; charset=utf-8", text::to_vtt(transcript));
  const bool is_verbose = order.format == "verbose_json";
  reply.send(200, "application/json",
             text::json_text(is_verbose ? verbose(transcript, order) : text_json(transcript, order)));
}

void send_event(HttpReply& reply, const json& event) {
  reply.write("data: " + text::json_text(event) + "\n\n");
}

class Events {
 public:
  Events(std::shared_ptr<HttpReply> reply, Order order)
      : reply_(std::move(reply)), order_(std::move(order)) {}

  void operator()(const UploadSound&, const SessionUpdate& update) {
    if (!order_.stream) {
      if (!update.ended) return;
      if (update.error.empty()) return send_whole(*reply_, update.transcript, order_);
      return send_error(*reply_, describe_failure(update));
    }
    if (!begun_) reply_->begin(200, "text/event-stream");
    begun_ = true;
    const std::string& text = update.transcript.text;
    const std::string delta = told_.delta(text, /*whole=*/update.ended);
    if (!delta.empty()) send_delta(delta, update.transcript);
    if (!update.ended) return;
    if (update.error.empty()) {
      json event = text_json(update.transcript, order_);
      event["type"] = "transcript.text.done";
      send_event(*reply_, event);
    } else {
      json event = text::parsed_json(to_json(describe_failure(update)));
      event["type"] = "error";
      send_event(*reply_, event);
    }
    reply_->write("data: [DONE]\n\n");
    reply_->end();
  }

 private:
  void send_delta(const std::string& delta, const Transcript& transcript) {
    json event = {{"type", "transcript.text.delta"}, {"delta", delta}};
    if (order_.logprobs) event["logprobs"] = logprobs_.take(transcript.words, transcript, delta);
    send_event(*reply_, event);
  }

  std::shared_ptr<HttpReply> reply_;
  Order order_;
  bool begun_ = false;
  GrowingText told_;
  GrowingLogprobs logprobs_;
};

}  // namespace

void Transcriptions::handle(HttpRequest request, std::shared_ptr<HttpReply> reply) {
  const auto read = [this, reply](const HttpRequest& received) {
    Order order = read_order(received, scheduler_.recognizer().info());
    Upload upload{.file = std::exchange(order.file, {}),
                  .name = order.filename,
                  .options = order.options,
                  .listener = {}};
    upload.listener = Events(reply, std::move(order));
    return upload;
  };
  uploads_.transcribe(std::move(request), reply, read, [](HttpReply& to, const std::exception& error) {
    send_error(to, describe_error(error));
  });
}

}  // namespace glossa::serve
