// The log of `glossa serve --log json`.
#pragma once

#include <memory>

namespace glossa::cli {

// While it lives, requests, streams and all messages of the library are lines of JSON on stderr. Who reads
// stderr too slowly loses the oldest lines beyond some thousands, and holds nobody up. One at a time.
class JsonLog {
 public:
  explicit JsonLog(bool transcripts);
  ~JsonLog();  // what was logged is written, if it is read within two seconds
  JsonLog(const JsonLog&) = delete;
  JsonLog& operator=(const JsonLog&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::cli
