// Sound files that come with a request, through the scheduler.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "glossa/types.hpp"
#include "serve/http.h"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"
#include "serve/worker.h"

namespace glossa::serve {

struct Upload {
  std::string_view file;  // into the request's body
  std::string name;       // for messages
  RawFormat samples;      // of a file that is none of a known kind; rate 0: such a file cannot be read
  StreamOptions options;
  Listener listener;  // the last update comes on another thread, without utterances
};

// Waits while other uploads have so much sound decoded and not transcribed that more would fill the memory.
// False when the worker ends or `has_gone` says so. On one of the worker's threads.
bool wait_to_decode(const Scheduler& scheduler, const Worker& worker, const std::function<bool()>& has_gone);

// Thread-safe; `scheduler` and `worker` must live longer than every request. Its end waits for the answer
// that is being composed; the scheduler must be gone before.
class Uploads {
 public:
  using Read = std::function<Upload(const HttpRequest& request)>;  // may throw
  using Refuse = std::function<void(HttpReply& reply, const std::exception& error)>;

  Uploads(Scheduler& scheduler, Worker& worker) : scheduler_(scheduler), worker_(worker) {}

  // Takes a place; then, on a worker, reads the request and the file; the listener answers. What is thrown
  // goes to `refuse`. Nothing is decoded nor transcribed for a client that has gone.
  void transcribe(HttpRequest request, std::shared_ptr<HttpReply> reply, Read read, Refuse refuse);

  // Answers are being composed, of sessions that have ended.
  bool is_answering() const { return answering_ > 0; }

 private:
  Listener answers_aside(Listener listener);

  Scheduler& scheduler_;
  Worker& worker_;
  std::atomic<int> answering_ = 0;
  Worker answers_{1};
};

}  // namespace glossa::serve
