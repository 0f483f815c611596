// One engine for every client: all streams that have a chunk go through the model together, step after step.
//
//   Scheduler scheduler(recognizer, {});
//   auto session = scheduler.open({.stream = {.target_lang = "de-DE"}}, [](const SessionUpdate& update) { ...
//   }); session->push(samples);   // any thread, any time session->finish();        // an update with `ended`
//   follows
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "glossa/recognizer.hpp"
#include "serve/event_log.h"
#include "serve/metrics.h"
#include "serve/step_time.h"
#include "serve/utterances.h"

namespace glossa::serve {

// What the operator chose for every stream.
struct StreamDefaults {
  std::string target_lang = "auto";                     // where a client says "auto" or nothing
  std::shared_ptr<const LanguageModel> language_model;  // null: none
  float lm_alpha = kDefaultLmAlpha;
  double final_silence = 0;  // seconds
  int max_symbols = 0;       // labels per encoder frame; 0: the checkpoint's
  int beam_size = 1;         // 1: greedy search
  // Of live streams: an upload's hypotheses have time until they agree.
  double settle_delay = kDefaultSettleDelay;
  // The draft of live streams of longer chunks whose clients may be told words that are not settled.
  std::optional<AttContext> draft_att_context;
};

struct SchedulerOptions {
  int max_streams = 0;  // live ones at once; 0: as many as keep up on this machine, as measured
  int max_files = 64;   // uploads at once, waiting ones included
  double utilisation =
      0.75;  // part of the machine that live streams may need; the rest is for bursts and uploads
  double longest_seconds = 4 * 3600;  // of sound in one stream
  StreamDefaults streams;
};

// Live streams go first. Uploads share what they leave, and never make a live step longer than half a chunk.
enum class Kind { kLive, kFile };

struct SessionOptions {
  StreamOptions stream;  // its mode is the scheduler's business: the result is that of kExact
  Kind kind = Kind::kLive;
  double silence = 1.0;  // seconds after which an utterance is final; 0: silence ends nothing
  // false: what the model has closed leaves the transcript some time after it was told as final utterances,
  // and the stream does not grow.
  bool keeps_transcript = true;
  bool takes_drafts = false;  // interim utterances may be written anew
  // What is final at the end of the stream, or of what was flushed, has the search's alternatives.
  bool takes_alternatives = false;
  Origin origin = {};  // for the log
};

// Valid during the call.
struct SessionUpdate {
  const Transcript& transcript;  // of the sound since `began`
  double began = 0;              // seconds of sound before the last flush(); 0 when there was none
  UtteranceUpdate utterances;    // timed from the session's beginning
  bool flushed = false;          // flush() was called, and this is everything before it
  bool ended = false;            // the last update; nothing was decoded after an error
  std::string error;             // why it ended before its time, for the client to read
  bool is_client_error = false;  // the sound cannot be used or is too long; else the fault is here
};

// Called on the scheduler's thread: every stream waits meanwhile. Must not throw.
using Listener = std::function<void(const SessionUpdate& update)>;

// Thread-safe.
class Session {
 public:
  virtual ~Session() = default;

  // Mono samples at ModelInfo::sample_rate, in [-1, 1]. Ignored after finish() and cancel().
  virtual void push(std::vector<float> samples) = 0;
  virtual void finish() = 0;

  // As Stream::set_target_lang(), for sound pushed from now on. Error kInvalidArgument for an unknown one.
  virtual void set_target_lang(const std::string& lang) = 0;

  // Somebody waits: what was pushed until now is decoded as if the sound ended here, all of it is final, and
  // an update says `flushed`. Sound pushed from now on is heard without what came before.
  virtual void flush() = 0;

  // The client has gone. No update begins after this returns, unless it is called by an update.
  virtual void cancel() = 0;

  // Seconds of sound pushed and not yet decoded: who reads from a socket stops while this is large.
  virtual double backlog() const = 0;
};

// Too many streams. The client may try again later or elsewhere.
class Overloaded : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Room for one upload, as long as it lives. Must not outlive the scheduler.
class FilePlace {
 public:
  virtual ~FilePlace() = default;
};

class Scheduler {
 public:
  // Measures the machine, which takes about a second, and starts its thread. `metrics` must live longer.
  Scheduler(std::shared_ptr<const Recognizer> recognizer, const SchedulerOptions& options, Metrics& metrics);

  // Sessions still open end with an error.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Overloaded when there is no room, at once; Error kInvalidArgument for unusable options. The session ends
  // with its last update, or with cancel(); who holds it does not keep its memory.
  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener);

  // The next stream of a client whose last one was finished: while that one is being decoded it is not
  // refused for want of room, since its place is this one's soon. `before`: null for a first one.
  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener,
                                const std::shared_ptr<Session>& before);

  // For an upload whose sound is still to be decoded: it counts as an open session until the first open()
  // with it, which does not refuse, nor do further ones for further channels. Overloaded as open().
  std::unique_ptr<FilePlace> take_file_place();
  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener, FilePlace& place);

  // From now on open() and take_file_place() refuse; sessions and places in flight go on.
  void drain();

  // Seconds of sound that uploads have pushed and that are not decoded yet: 64 kB each.
  double file_backlog() const;

  // Open sessions of both kinds, and places.
  int open_sessions() const;

  // Live streams that fit at this setting when they are alone, each with the draft that it may have.
  int capacity(AttContext context) const;

  const Recognizer& recognizer() const;
  double longest_seconds() const;  // SchedulerOptions

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace glossa::serve
