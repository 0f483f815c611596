#include "serve/worker.h"

#include <utility>

namespace glossa::serve {

Worker::Worker(int threads) {
  for (int count = 0; count < threads; ++count) threads_.emplace_back([this] { run(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  condition_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Worker::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  condition_.notify_one();
}

bool Worker::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    condition_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace glossa::serve
