// Sound files that come with a request, through the scheduler.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "glossa/types.hpp"
#include "serve/http.h"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"
#include "serve/worker.h"

namespace glossa::serve {

// One of the sounds that are heard of a file: the mean of its channels, or each of them.
struct UploadSound {
  std::size_t index = 0;
  std::size_t count = 1;
};

struct Upload {
  std::string_view file;  // into the request's body
  std::string name;       // for messages
  RawFormat samples;      // of a file that is none of a known kind; rate 0: such a file cannot be read
  bool separate = false;  // a session for every channel
  StreamOptions options;
  // As Listener; but the last update of a sound has no utterances and comes on another thread, one after the
  // other.
  std::function<void(const UploadSound& sound, const SessionUpdate& update)> listener;
};

// Waits while other uploads have so much sound decoded and not transcribed that more would fill the memory.
// False when the worker ends or `has_gone` says so. On one of the worker's threads.
bool wait_to_decode(const Scheduler& scheduler, const Worker& worker, const std::function<bool()>& has_gone);

// Thread-safe; `scheduler` and `worker` must live longer than every request. Its end waits for the answer
// that is being composed; the scheduler must be gone before.
class Uploads {
  struct Journey;

 public:
  using Read = std::function<Upload(const HttpRequest& request)>;  // may throw
  using Refuse = std::function<void(HttpReply& reply, const std::exception& error)>;

  Uploads(Scheduler& scheduler, Worker& worker) : scheduler_(scheduler), worker_(worker) {}

  // Takes a place; then, on a worker, reads the request and the file; the listener answers. What is thrown
  // goes to `refuse`. Nothing is decoded nor transcribed for a client that has gone, or for one channel when
  // another has failed.
  void transcribe(HttpRequest request, std::shared_ptr<HttpReply> reply, Read read, Refuse refuse);

  // Answers are being composed, of sessions that have ended.
  bool is_answering() const { return answering_ > 0; }

 private:
  // Opens them and gives them their sounds; cancelled when the client has gone.
  void open_sessions(std::vector<std::vector<float>> sounds, const SessionOptions& options, Upload upload,
                     FilePlace& place, const std::shared_ptr<Journey>& journey);
  Listener answers_aside(Listener listener);

  Scheduler& scheduler_;
  Worker& worker_;
  std::atomic<int> answering_ = 0;
  Worker answers_{1};
};

}  // namespace glossa::serve
