// Ending long work cleanly when the user or the system asks the program to stop.
#pragma once

namespace glossa::cli {

// Not a std::exception: nothing may take it for an error on the way.
struct Interrupted {
  int signal = 0;
};

// While it exists, SIGINT and SIGTERM are remembered; the second one ends the program at once. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool signal_came() const;
  // Throws Interrupted when a signal has come.
  void check() const;
};

// Ends the program as the signal does when nobody catches it.
[[noreturn]] void end_by_signal(int signal);

}  // namespace glossa::cli
