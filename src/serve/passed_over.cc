#include "serve/passed_over.h"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <string>

#include "base/log.h"
#include "base/printable.h"

namespace glossa::serve {
namespace {

constexpr std::size_t kMostNames = 100;

}  // namespace

void tell_passed_over(std::string_view what, std::string_view name) {
  static std::mutex mutex;
  static std::set<std::string> told;
  std::string message = fmt::format("{} \"{}\" is unknown and passed over", what, printable(name));
  {
    const std::lock_guard lock(mutex);
    if (told.size() == kMostNames || !told.insert(message).second) return;
    if (told.size() == kMostNames) message += "; whatever else is passed over is not told any more";
  }
  log::warning(message);
}

}  // namespace glossa::serve
