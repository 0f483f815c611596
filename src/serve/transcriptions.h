// OpenAI's POST /v1/audio/transcriptions: a file in, its text out.
#pragma once

#include <memory>
#include <string>

#include "serve/http.h"
#include "serve/scheduler.h"
#include "serve/uploads.h"

namespace glossa::serve {

// Thread-safe; `scheduler` and `uploads` must live longer than every request.
class Transcriptions {
 public:
  Transcriptions(Scheduler& scheduler, Uploads& uploads) : scheduler_(scheduler), uploads_(uploads) {}

  // Answers as OpenAI does: json, text, srt, verbose_json, vtt, and server-sent events with stream=true. Form
  // fields: file, language (any code of the model), response_format, timestamp_granularities[], stream,
  // keywords[], and glossa's own latency ("1120ms": the default is the most accurate). model, prompt and
  // temperature are accepted and change nothing.
  void handle(HttpRequest request, std::shared_ptr<HttpReply> reply);

 private:
  Scheduler& scheduler_;
  Uploads& uploads_;
};

}  // namespace glossa::serve
