#include "cli/server_log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <string_view>

#include "base/log.h"
#include "serve/event_log.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kMostLines = 8192;  // that wait to be written

}  // namespace

class JsonLog::Impl {
 public:
  explicit Impl(bool transcripts) {
    logger_->set_pattern("%v");
    serve::set_event_log([this](std::string_view line) { logger_->info(spdlog::string_view_t(line)); },
                         transcripts);
    log::set_sink(serve::log_message);
  }

  ~Impl() {
    log::set_sink({});
    serve::set_event_log({});
  }

 private:
  // Its end waits until everything is written.
  std::shared_ptr<spdlog::details::thread_pool> writer_ =
      std::make_shared<spdlog::details::thread_pool>(kMostLines, /*threads=*/1);
  std::shared_ptr<spdlog::logger> logger_ =
      std::make_shared<spdlog::async_logger>("glossa", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                             writer_, spdlog::async_overflow_policy::overrun_oldest);
};

JsonLog::JsonLog(bool transcripts) : impl_(std::make_unique<Impl>(transcripts)) {}
JsonLog::~JsonLog() = default;

}  // namespace glossa::cli
