// The library's only voice: messages go to a sink that the host chooses; without one they are dropped.
#pragma once

#include <functional>
#include <string_view>

namespace glossa::log {

enum class Level { kInfo, kWarning };
using Sink = std::function<void(Level, std::string_view)>;

// Thread-safe. An empty sink silences the library again.
void set_sink(Sink sink);

void info(std::string_view message);
void warning(std::string_view message);

}  // namespace glossa::log
