#include "serve/event_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "text/json_text.h"

namespace glossa::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLongestName = 64;  // bytes

std::mutex sink_mutex;
std::shared_ptr<const EventSink> current_sink;
std::atomic<bool> is_on = false;
std::atomic<bool> tells_transcripts = false;

std::string now() {
  using namespace std::chrono;
  const auto time = floor<milliseconds>(system_clock::now());
  const auto seconds = floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(seconds)),
                     (time - seconds).count());
}

double rounded(double seconds) {  // to milliseconds
  return std::round(seconds * 1000) / 1000;
}

ordered_json line(log::Level level, const char* event) {
  return {{"time", now()}, {"level", level == log::Level::kInfo ? "info" : "warning"}, {"event", event}};
}

ordered_json line(log::Level level, const char* event, const Origin& origin) {
  ordered_json entry = line(level, event);
  entry["request"] = origin.request;
  entry["protocol"] = origin.protocol;
  entry["peer"] = origin.peer;
  return entry;
}

log::Level level_of(bool is_failure) { return is_failure ? log::Level::kWarning : log::Level::kInfo; }

void send(const ordered_json& entry) {
  std::shared_ptr<const EventSink> sink;
  {
    const std::lock_guard lock(sink_mutex);
    sink = current_sink;
  }
  if (sink) (*sink)(text::json_text(entry));
}

}  // namespace

void set_event_log(EventSink sink, bool transcripts) {
  const std::lock_guard lock(sink_mutex);
  is_on = static_cast<bool>(sink);
  tells_transcripts = is_on && transcripts;
  current_sink = is_on ? std::make_shared<const EventSink>(std::move(sink)) : nullptr;
}

std::string request_name(std::string_view given) {
  const bool is_name = !given.empty() && given.size() <= kLongestName &&
                       std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (is_name) return std::string(given);
  thread_local boost::uuids::random_generator generator;
  return to_string(generator());
}

void log_request(const RequestEvent& event) {
  if (!is_on) return;
  ordered_json entry = line(level_of(event.is_failure), "request", event.origin);
  entry["call"] = event.call;
  entry["code"] = event.code;
  entry["seconds"] = rounded(event.seconds);
  if (!event.why.empty()) entry["why"] = event.why;
  send(entry);
}

void log_stream(const StreamEvent& event) {
  if (!is_on) return;
  ordered_json entry = line(level_of(event.is_failure), "stream", event.origin);
  entry["stream"] = event.stream;
  entry["kind"] = event.kind;
  entry["latency"] = event.latency;
  entry["asked"] = event.asked;
  entry["language"] = event.language;
  entry["outcome"] = event.outcome;
  if (!event.why.empty()) entry["why"] = event.why;
  entry["audio_seconds"] = rounded(event.audio_seconds);
  entry["seconds"] = rounded(event.seconds);
  if (event.kind == "live") entry["most_lag"] = rounded(event.most_lag);
  entry["utterances"] = event.utterances;
  entry["words"] = event.words;
  entry["boosted_words"] = event.boosted_words;
  send(entry);
}

void log_utterance(const Origin& origin, std::size_t stream, const Utterance& utterance) {
  if (!tells_transcripts) return;
  ordered_json entry = line(log::Level::kInfo, "utterance", origin);
  entry["stream"] = stream;
  entry["language"] = utterance.language;
  entry["start"] = rounded(utterance.start);
  entry["end"] = rounded(utterance.end);
  entry["text"] = utterance.text;
  send(entry);
}

void log_message(log::Level level, std::string_view message) {
  if (!is_on) return;
  ordered_json entry = line(level, "message");
  entry["message"] = message;
  send(entry);
}

}  // namespace glossa::serve
