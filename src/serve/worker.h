// A thread for what would hold up the servers' own few threads: decoding whole sound files.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace glossa::serve {

// Thread-safe. Jobs run one after the other, in order.
class Worker {
 public:
  using Job = std::function<void()>;  // must not throw

  Worker();
  ~Worker();  // runs what is left
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(Job job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace glossa::serve
