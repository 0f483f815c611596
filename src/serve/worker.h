// Threads for what would hold up the servers' own few threads: decoding whole sound files.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace glossa::serve {

// Thread-safe. Jobs begin in order and run side by side.
class Worker {
 public:
  using Job = std::function<void()>;  // must not throw

  explicit Worker(int threads);
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
  std::vector<std::thread> threads_;
};

}  // namespace glossa::serve
