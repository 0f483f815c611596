#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <initializer_list>

namespace glossa::cli {
namespace {

volatile sig_atomic_t received = 0;

void remember(int signal) { received = signal; }

void set_handler(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(signal, &action, nullptr);
}

// As under nohup, or in the background of a shell: such a signal stays ignored.
bool is_ignored(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  received = 0;
  for (const int signal : {SIGINT, SIGTERM}) {
    if (!is_ignored(signal)) set_handler(signal, remember, static_cast<int>(SA_RESETHAND) | SA_RESTART);
  }
}

InterruptGuard::~InterruptGuard() {
  for (const int signal : {SIGINT, SIGTERM}) {
    if (!is_ignored(signal)) set_handler(signal, SIG_DFL, 0);
  }
}

bool InterruptGuard::signal_came() const { return received != 0; }

void InterruptGuard::check() const {
  if (received != 0) throw Interrupted{received};
}

void end_by_signal(int signal) {
  set_handler(signal, SIG_DFL, 0);
  ::raise(signal);
  ::_exit(128 + signal);  // where the signal is blocked
}

}  // namespace glossa::cli
