// Wyoming, the protocol of Home Assistant's voice satellites: what a connection says, without the socket that
// carries it. https://github.com/OHF-Voice/wyoming
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "serve/scheduler.h"

namespace glossa::serve {

// The client's end. Thread-safe; calls return at once, and do nothing when the client has gone.
class WyomingPeer {
 public:
  virtual ~WyomingPeer() = default;
  virtual void send(const std::string& type, const nlohmann::json& data) = 0;
  virtual void close() = 0;  // after what was sent before
};

// Calls come one at a time.
class WyomingHandler {
 public:
  virtual ~WyomingHandler() = default;

  // describe, transcribe, audio-start, audio-chunk, audio-stop, ping; others are passed over. What goes wrong
  // is told as an event "error", and the connection closed: its client waits for nothing else. False: no more
  // events.
  virtual bool on_event(std::string_view type, const nlohmann::json& data, std::string_view payload) = 0;
  virtual void on_gone() = 0;             // the last call
  virtual double backlog() const = 0;     // seconds of sound not decoded yet
  virtual bool is_answering() const = 0;  // the sound has ended, and not all of it is decoded
};

// `scheduler` must live longer.
std::unique_ptr<WyomingHandler> make_wyoming(Scheduler& scheduler, std::string version, Origin origin,
                                             std::shared_ptr<WyomingPeer> peer);

}  // namespace glossa::serve
