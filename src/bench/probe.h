// Measurements that need a process of their own: this program runs itself, and the child prints what it found
// as lines "name value".
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::bench {

using ProbeValues = std::map<std::string, double, std::less<>>;

std::string format_probe(const ProbeValues& values);
// Error kInternal for text that is none.
ProbeValues parse_probe(std::string_view text);

// Seconds of the clock that all processes share.
double monotonic_seconds();

// Runs this program with those arguments and waits for it; its stderr is this one's. Adds "spawned", the time
// just before. Error kInternal when the child fails.
ProbeValues run_probe(const std::vector<std::string>& arguments);

}  // namespace glossa::bench
