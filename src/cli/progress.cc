#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace glossa::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);  // of the bar on a terminal
constexpr auto kLine = std::chrono::milliseconds(5000);   // between plain lines
constexpr int kProgressWidth = 24;                        // characters

}  // namespace

std::string clock_time(double seconds) {
  const auto whole = static_cast<long>(std::clamp(seconds, 0.0, 359'999.0) + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

Progress::Progress(std::string what, double total, bool quiet, double already)
    : what_(std::move(what)),
      total_(total),
      already_(already),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      next_(start_ + (terminal_ ? kRedraw : kLine)) {}

Progress::~Progress() { clear(); }

void Progress::update(double done, std::string_view rate) {
  const auto now = Clock::now();
  if (quiet_ || now < next_) return;
  next_ = now + (terminal_ ? kRedraw : kLine);
  const double part = std::clamp(done / total_, 0.0, 1.0);
  const double spent = std::chrono::duration<double>(now - start_).count();
  std::string state(rate);
  const double done_here = std::clamp((done - already_) / total_, 0.0, 1.0);
  if (done_here > 0.005) {
    state += fmt::format("{}{} left", rate.empty() ? "" : ", ", clock_time(spent * (1 - part) / done_here));
  }
  if (terminal_) {
    const int filled = static_cast<int>(part * kProgressWidth);
    fmt::print(stderr, "\r\033[K{} [{:#<{}}{:.<{}}] {:3.0f} %  {}", what_, "", filled, "",
               kProgressWidth - filled, part * 100, state);
    drawn_ = true;
  } else {
    fmt::print(stderr, "{}: {:.0f} %, {}\n", what_, part * 100, state);
  }
  std::fflush(stderr);
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

StatusLine::StatusLine(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

StatusLine::~StatusLine() { clear(); }

void StatusLine::show(std::string_view what) {
  if (quiet_) return;
  fmt::print(stderr, "{}glossa: {}{}", terminal_ ? "\r\033[K" : "", what, terminal_ ? "" : "\n");
  std::fflush(stderr);
  drawn_ = terminal_;
}

void StatusLine::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace glossa::cli
