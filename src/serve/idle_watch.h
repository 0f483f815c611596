// Who keeps a stream open and says nothing has a place that others want.
#pragma once

#include <chrono>

namespace glossa::serve {

// Of one stream. Not thread-safe.
class IdleWatch {
 public:
  explicit IdleWatch(double seconds) : seconds_(seconds) {}  // 0: never idle

  void heard() { heard_ = Clock::now(); }

  // Nothing was heard for so long. `backlog`: seconds of sound not decoded yet, which its client may be
  // waiting for before it sends more.
  bool is_idle(double backlog) {
    if (backlog >= kBehind) heard();
    return seconds_ > 0 && std::chrono::duration<double>(Clock::now() - heard_).count() >= seconds_;
  }

  double seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kBehind = 1;  // seconds of sound

  double seconds_;
  Clock::time_point heard_ = Clock::now();
};

}  // namespace glossa::serve
