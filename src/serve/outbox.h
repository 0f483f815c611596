// What is to be written to a connection: filled by any thread, emptied by the connection's coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace glossa::serve {

template <class Item>
class Outbox : public std::enable_shared_from_this<Outbox<Item>> {
 public:
  explicit Outbox(const boost::asio::any_io_executor& executor) : executor_(executor), timer_(executor) {}

  void push(Item item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      items_.push_back(std::move(item));
    }
    boost::asio::post(executor_, [self = this->shared_from_this()] { self->timer_.cancel(); });
  }

  // Nothing is taken any more.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  std::optional<Item> pop() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  // For the coroutine: until something was pushed, or for `most`.
  boost::asio::steady_timer& timer(std::chrono::milliseconds most) {
    timer_.expires_after(most);
    const std::lock_guard lock(mutex_);
    if (!items_.empty()) timer_.expires_after(std::chrono::milliseconds(0));
    return timer_;
  }

 private:
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer timer_;
  mutable std::mutex mutex_;
  std::deque<Item> items_;
  bool closed_ = false;
};

}  // namespace glossa::serve
