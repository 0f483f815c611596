// A client's stream inside the scheduler: what protocols push on one side, what the scheduler's thread takes
// on the other.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/utterances.h"

namespace glossa::serve {

class StreamSession;

class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake(std::shared_ptr<StreamSession> session) = 0;  // there is something to do for it
};

// What a stream asks of the machine.
struct Load {
  Kind kind = Kind::kLive;
  int chunk_frames = 1;  // that it is stepped by, 1 or more: its own, or those of the draft that it is given
  int searches = 1;      // 2 with a draft
};
Load load_of(const SessionOptions& options, const StreamDefaults& defaults, const ModelInfo& model);

// Of the session's stream: its own and the operator's.
StreamOptions served_options(const SessionOptions& session, const StreamDefaults& defaults,
                             const ModelInfo& model);

// Why a session ends before its time.
struct SessionFailure {
  std::string error = {};  // empty: it does not
  bool is_client_error = false;
};

struct WordCounts {
  std::size_t all = 0;
  std::size_t boosted = 0;  // others without boosted phrases
};

class StreamSession final : public Session, public std::enable_shared_from_this<StreamSession> {
 public:
  using Clock = std::chrono::steady_clock;

  StreamSession(const Recognizer& recognizer, const SessionOptions& options, const StreamDefaults& defaults,
                Listener listener, Waker& waker, double longest_seconds);

  // Session.
  void push(std::vector<float> samples) override;
  void finish() override;
  void set_target_lang(const std::string& lang) override;
  void flush() override;
  void cancel() override;
  double backlog() const override;

  // The scheduler's thread alone from here on, but for what is constant.

  // Taken out of what was woken: false when it was active already. Active until it rests.
  bool activate() {
    woken_ = false;
    return !std::exchange(active_, true);
  }
  void rest() { active_ = false; }
  bool is_active() const { return active_; }

  const Load& load() const { return load_; }
  Kind kind() const { return load_.kind; }
  double chunk_seconds() const { return load_.chunk_frames * frame_seconds_; }
  // As much of `frames` as it should be fed in one step, a chunk at least. What is more than a chunk of the
  // search behind the draft is a number of those, too: whole chunks alone are taken, and neither falls
  // behind.
  std::int64_t whole_chunks(std::int64_t frames) const;
  // Frames that a step takes, of both searches, when it is fed so many.
  std::int64_t step_frames(std::int64_t fed) const;
  bool ended() const { return outcome_.load() != nullptr; }
  Stream& stream() { return *stream_; }

  // Gives the stream sound until `frames` encoder frames are there to decode; true when it is ready. May end
  // the session.
  bool feed(std::int64_t frames);

  struct Progress {
    double sound = 0;  // seconds that were decoded
    double work = 0;   // the same, counted for each search that decoded them
  };

  // After a step: tells the listener, measures.
  Progress report(Clock::time_point now, Metrics& metrics);

  // After its end: into metrics and the log.
  void record_end(Metrics& metrics);

  void fail(const std::string& why);

 private:
  struct Piece {
    std::vector<float> samples = {};
    std::size_t used = 0;
    std::string lang = {};  // changes to this one when not empty
    bool flush = false;     // everything before it is an utterance of its own
  };
  struct Arrival {
    std::int64_t samples = 0;  // pushed until then, since the start
    Clock::time_point time;
  };

  bool has_draft() const { return load_.searches > 1; }
  void wake();
  void add(Piece piece);
  void tail_is_wanted();                   // sound that waited for more waits no longer; with mutex_ held
  bool feed_pieces(std::int64_t samples);  // false when something went wrong
  void begin_anew();                       // everything before a flush is decoded
  void tell(bool ended, bool flushed = false, const SessionFailure& failure = {});
  void end(const char* outcome, const SessionFailure& failure = {});
  void meter_words(Metrics& metrics);

  const Recognizer& recognizer_;
  const Origin origin_;
  const std::size_t number_;  // another for each
  const Clock::time_point opened_ = Clock::now();
  const AttContext att_context_;
  const std::string asked_;         // language
  const std::string default_lang_;  // where the client says "auto"
  const Load load_;
  const double frame_seconds_;
  const int sample_rate_;
  const std::int64_t longest_samples_;
  const bool keeps_transcript_;
  const bool shows_unsettled_;
  const bool takes_alternatives_;
  const double silence_;
  Waker& waker_;

  // Of both sides.
  mutable std::mutex mutex_;
  std::deque<Piece> pieces_;
  std::deque<Arrival> arrivals_;
  std::int64_t pushed_ = 0;  // samples
  bool finished_ = false;
  std::atomic<std::int64_t> waiting_ = 0;  // samples pushed and not decoded
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> woken_ = false;             // and not yet activated
  std::atomic<const char*> outcome_ = nullptr;  // "ok", "cancelled", "error"; null while it goes on
  std::recursive_mutex listener_mutex_;         // held while the listener runs, which may call cancel()

  // Of the scheduler's thread.
  Listener listener_;
  std::unique_ptr<Stream> stream_;
  Transcript drafted_;       // as of the last step; only where what is not settled is shown
  double behind_draft_ = 0;  // seconds since the last flush that the search behind the draft has decoded
  Utterances utterances_;
  std::int64_t fed_ = 0;      // samples
  std::int64_t decoded_ = 0;  // samples
  std::int64_t began_ = 0;    // samples before the last flush
  std::string language_;      // the last one that the model named
  std::size_t finals_ = 0;
  WordCounts words_;        // of the finals
  WordCounts metered_;      // of these, in the metrics already
  double most_lag_ = 0;     // seconds
  SessionFailure failure_;  // it ended before its time
  std::string lang_;        // that the stream was told; empty: as it was made
  bool flushing_ = false;   // what came before a flush is being decoded
  bool input_finished_ = false;
  bool active_ = false;
};

}  // namespace glossa::serve
