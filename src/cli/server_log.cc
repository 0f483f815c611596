#include "cli/server_log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "serve/event_log.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kMostLines = 8192;  // that wait to be written
constexpr auto kLastWords = std::chrono::seconds(2);

class Stderr final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::size_t written() const { return written_; }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    std::string text(line.payload.data(), line.payload.size());
    text += '\n';
    // Not through stdio: a write that stands still would hold the lock that the end of the program wants.
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t count = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (count < 0 && errno != EINTR) break;
      rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    ++written_;
  }
  void flush_() override {}

  std::atomic<std::size_t> written_ = 0;
};

}  // namespace

class JsonLog::Impl {
 public:
  explicit Impl(bool transcripts) {
    serve::set_event_log(
        [this](std::string_view line) {
          ++lines_;
          logger_->info(spdlog::string_view_t(line));
        },
        transcripts);
    log::set_sink(serve::log_message);
  }

  ~Impl() {
    log::set_sink({});
    serve::set_event_log({});
    const auto deadline = std::chrono::steady_clock::now() + kLastWords;
    while (!is_written() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    // A writer whose reader stands still would hold up the end for ever: it is left behind.
    if (!is_written()) [[maybe_unused]]
      static const auto* const left = new auto(std::move(writer_));
  }

 private:
  bool is_written() const { return stderr_->written() + writer_->overrun_counter() >= lines_; }

  std::shared_ptr<Stderr> stderr_ = std::make_shared<Stderr>();
  std::shared_ptr<spdlog::details::thread_pool> writer_ =
      std::make_shared<spdlog::details::thread_pool>(kMostLines, /*threads=*/1);
  std::atomic<std::size_t> lines_ = 0;
  std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::async_logger>(
      "glossa", stderr_, writer_, spdlog::async_overflow_policy::overrun_oldest);
};

JsonLog::JsonLog(bool transcripts) : impl_(std::make_unique<Impl>(transcripts)) {}
JsonLog::~JsonLog() = default;

}  // namespace glossa::cli
