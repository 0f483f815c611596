// Tells a client of /v1/realtime what is heard in one session.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "serve/realtime_events.h"
#include "serve/realtime_settings.h"
#include "serve/scheduler.h"

namespace glossa::serve {

// OpenAI's dialects: an item for each turn, or with `item`, whose sound the client commits, for the whole
// session. The others: an item for each utterance. `before`: seconds of sound of the sessions before it.
Listener make_realtime_teller(std::shared_ptr<RealtimeEvents> events, const RealtimeSettings& settings,
                              std::optional<std::string> item, double before);

// What the arrival of an item is called.
const char* item_event(const RealtimeSettings& settings);

// The answer to a commit when there is nothing to be committed.
ApiError nothing_to_commit();

}  // namespace glossa::serve
