// Who may use the server, over HTTP and gRPC.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace glossa::serve {

// In a time that does not depend on where `given` and a key differ first. An empty one is never known.
bool is_known_key(const std::set<std::string>& keys, std::string_view given);

}  // namespace glossa::serve
