// What clients ask for that glossa does not have and passes over: the operator is told, not every client.
#pragma once

#include <string_view>

namespace glossa::serve {

// A warning in the log, for each name once in the life of the process; after 100 names no more. `what`: what
// it is the name of. Thread-safe.
void tell_passed_over(std::string_view what, std::string_view name);

}  // namespace glossa::serve
