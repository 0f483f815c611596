#include "base/log.h"

#include <mutex>
#include <utility>

namespace glossa::log {
namespace {

std::mutex sink_mutex;
Sink current_sink;

void send(Level level, std::string_view message) {
  const std::lock_guard lock(sink_mutex);
  if (current_sink) current_sink(level, message);
}

}  // namespace

void set_sink(Sink sink) {
  const std::lock_guard lock(sink_mutex);
  current_sink = std::move(sink);
}

void info(std::string_view message) { send(Level::kInfo, message); }
void warning(std::string_view message) { send(Level::kWarning, message); }

}  // namespace glossa::log
