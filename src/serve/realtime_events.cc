#include "serve/realtime_events.h"

#include <fmt/format.h>

#include <utility>

#include "serve/openai.h"
#include "text/json_text.h"

namespace glossa::serve {

using json = nlohmann::json;

void RealtimeEvents::send(json event) {
  const std::lock_guard lock(mutex_);
  event["event_id"] = fmt::format("event_{}", ++events_);
  socket_->send(text::json_text(event));
}

void RealtimeEvents::error(const ApiError& error) {
  json event = text::parsed_json(to_json(error));
  event["type"] = "error";
  send(std::move(event));
}

std::string RealtimeEvents::next_item() {
  const std::lock_guard lock(mutex_);
  return fmt::format("item_{}", ++items_);
}

void RealtimeEvents::committed(const std::string& id, const char* item_event) {
  json previous;  // null for the first
  {
    const std::lock_guard lock(mutex_);
    if (!last_item_.empty()) previous = last_item_;
    last_item_ = id;
  }
  send({{"type", "input_audio_buffer.committed"}, {"item_id", id}, {"previous_item_id", previous}});
  const json item = {{"id", id},
                     {"type", "message"},
                     {"role", "user"},
                     {"status", "completed"},
                     {"content", {{{"type", "input_audio"}, {"transcript", nullptr}}}}};
  send({{"type", item_event}, {"previous_item_id", previous}, {"item", item}});
}

void RealtimeEvents::failed(const std::string& item, const ApiError& error) {
  json event = text::parsed_json(to_json(error));
  event["type"] = "conversation.item.input_audio_transcription.failed";
  event["item_id"] = item;
  event["content_index"] = 0;
  send(std::move(event));
}

}  // namespace glossa::serve
