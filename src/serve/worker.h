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
  ~Worker();  // ends what has begun and drops the rest
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(Job job);

  // The end has begun: who waits within a job gives up.
  bool is_stopping() const;

 private:
  void run();

  mutable std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace glossa::serve
