#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace glossa {
namespace {

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(int threads) {
    if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    workers_.reserve(static_cast<std::size_t>(threads));
    try {
      for (int index = 1; index < threads; ++index) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // no more threads to be had: those that started are the pool
    }
  }

  ~Impl() {
    stop_.store(true, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void count_worker_time(bool on) { counting_.store(on, std::memory_order_relaxed); }
  double worker_seconds() const {
    return 1e-9 * static_cast<double>(worker_nanoseconds_.load(std::memory_order_relaxed));
  }

  void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
    if (count <= 0) return;
    grain = std::max<std::int64_t>(grain, 1);
    // A loop of one piece needs no workers: it must not keep them from another caller's.
    if (workers_.empty() || count <= grain) return body(0, count);
    std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner.owns_lock()) return body(0, count);
    // Two pieces per thread: a thread that the system delays costs half a share at most.
    const std::int64_t pieces = std::min<std::int64_t>((count + grain - 1) / grain, 2 * threads());
    body_ = &body;
    count_ = count;
    piece_ = (count + pieces - 1) / pieces;
    next_.store(0, std::memory_order_relaxed);
    entry_.store(kOpen, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    run_pieces();
    // Workers that have not come by now have nothing left to do: nobody waits for a thread that the system
    // gives no time to.
    entry_.fetch_and(~kOpen, std::memory_order_acq_rel);
    for (int spin = 0; entry_.load(std::memory_order_acquire) != 0; ++spin) {
      if (spin < kSpins)
        pause_briefly();
      else
        std::this_thread::yield();
    }
    if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  // Some 100 microseconds: longer than the pause between two loops of one layer, shorter than between two
  // chunks.
  static constexpr int kSpins = 2000;

  void run_pieces() {
    for (;;) {
      const std::int64_t begin = next_.fetch_add(piece_, std::memory_order_relaxed);
      if (begin >= count_) return;
      try {
        (*body_)(begin, std::min(begin + piece_, count_));
      } catch (...) {
        const std::lock_guard lock(failure_mutex_);
        if (failure_ == nullptr) failure_ = std::current_exception();
        next_.store(count_, std::memory_order_relaxed);
      }
    }
  }

  void work() {
    std::uint32_t seen = 0;
    for (;;) {
      std::uint32_t now = generation_.load(std::memory_order_acquire);
      for (int spin = 0; now == seen && spin < kSpins; ++spin) {
        pause_briefly();
        now = generation_.load(std::memory_order_acquire);
      }
      if (now == seen) {
        generation_.wait(seen, std::memory_order_acquire);
        continue;
      }
      seen = now;
      if (stop_.load(std::memory_order_relaxed)) return;
      if (!enter()) continue;
      if (counting_.load(std::memory_order_relaxed)) {
        const auto start = std::chrono::steady_clock::now();
        run_pieces();
        const auto spent = std::chrono::steady_clock::now() - start;
        worker_nanoseconds_.fetch_add(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count(),
                                      std::memory_order_relaxed);
      } else {
        run_pieces();
      }
      entry_.fetch_sub(1, std::memory_order_release);
    }
  }

  // Into the running loop, which cannot end while a worker is in it; false when there is none.
  bool enter() {
    std::uint32_t entry = entry_.load(std::memory_order_relaxed);
    while ((entry & kOpen) != 0) {
      if (entry_.compare_exchange_weak(entry, entry + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  std::mutex owner_;  // held by the caller whose loop the workers run
  const Body* body_ = nullptr;
  std::int64_t count_ = 0;
  std::int64_t piece_ = 0;
  std::atomic<std::int64_t> next_{0};
  static constexpr std::uint32_t kOpen = 1u << 31;
  std::atomic<std::uint32_t> entry_{0};  // kOpen while a loop may be entered, and the number of workers in it
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> counting_{false};
  std::atomic<std::int64_t> worker_nanoseconds_{0};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;  // the first exception of the running loop
  std::vector<std::thread> workers_;
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>(threads)) {}
ThreadPool::~ThreadPool() = default;
void ThreadPool::count_worker_time(bool on) const { impl_->count_worker_time(on); }
double ThreadPool::worker_seconds() const { return impl_->worker_seconds(); }
int ThreadPool::threads() const { return impl_->threads(); }
void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain, const Body& body) const {
  impl_->parallel_for(count, grain, body);
}

}  // namespace glossa
