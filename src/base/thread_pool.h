// A fixed set of threads that share one loop at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace glossa {

// parallel_for() may be called from any thread; calls from several threads at once are legal: one gets the
// workers, the others run their loop on the calling thread alone. Results must not depend on who runs what.
class ThreadPool {
 public:
  // `threads` counts the caller: 1 makes no threads. 0: one per core. Where the system refuses a thread, the
  // pool has fewer: threads() tells. The threads do not survive fork(): make the pool in the child.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  using Body = std::function<void(std::int64_t begin, std::int64_t end)>;

  int threads() const;

  // Calls body(begin, end) for pieces of [0, count) until all are done. `grain`: smallest piece worth a
  // hand-over. The body must not call parallel_for() of the same pool. What it throws first is rethrown here
  // when no thread is in the body any more; pieces not begun by then are left out.
  void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) const;

  // Seconds that the pool's own threads have spent in bodies while counting was on (it is off at first).
  void count_worker_time(bool on) const;
  double worker_seconds() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa
