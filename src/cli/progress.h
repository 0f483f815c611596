// How far long work has come, on stderr: a bar on a terminal, plain lines every few seconds otherwise.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace glossa::cli {

// "2:05" or "1:02:05".
std::string clock_time(double seconds);

class Progress {
 public:
  // `total` in any unit, more than 0; `already` of it was done before. `quiet` prints nothing.
  Progress(std::string what, double total, bool quiet, double already = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `rate` is text such as "12.3x real time". Cheap enough to call after every step.
  void update(double done, std::string_view rate);

  // Takes the bar off the terminal, so that something else can be printed; the next update() draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  double total_;
  double already_;
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

// What is being done when nobody knows how long it takes: a line that is written over on a terminal.
class StatusLine {
 public:
  explicit StatusLine(bool quiet);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void show(std::string_view what);
  void clear();

 private:
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace glossa::cli
