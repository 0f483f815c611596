#include "serve/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fail.h"
#include "serve/stream_session.h"

namespace glossa::serve {
namespace {

using SessionPointer = std::shared_ptr<StreamSession>;

constexpr std::int64_t kBulkFrames = 32;  // of one stream in one step at most
constexpr double kSlice = 0.2;     // seconds of sound that a client may send at a time and still be on time
constexpr double kIdleStep = 1.0;  // seconds that a step may take while nobody is live
constexpr double kLeastEfficiency = 4;  // a step of bulk work lasts this many times its fixed part, so that
                                        // three quarters of it are useful
constexpr double kPartOfChunk = 0.5;    // of the shortest live chunk that bulk work may take

AttContext shortest(const ModelInfo& model) {
  return *std::min_element(model.att_contexts.begin(), model.att_contexts.end(),
                           [](AttContext a, AttContext b) { return a.right < b.right; });
}

AttContext context_of(const ModelInfo& model, const StreamOptions& options) {
  return options.att_context.value_or(model.att_contexts.front());
}

}  // namespace

class Scheduler::Impl final : public Waker {
 public:
  Impl(std::shared_ptr<const Recognizer> recognizer, const SchedulerOptions& options, Metrics& metrics)
      : recognizer_(std::move(recognizer)),
        options_(options),
        metrics_(metrics),
        time_(measure_step_time(*recognizer_, shortest(recognizer_->info()))) {
    metrics_.capacity(capacity(recognizer_->info().att_contexts.front()));
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      woken_ = true;
    }
    condition_.notify_one();
    thread_.join();
    for (const SessionPointer& session : sessions_) session->fail("the server is shutting down");
  }

  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener) {
    const std::lock_guard lock(mutex_);
    admit(options);
    auto session = std::make_shared<StreamSession>(*recognizer_, options, std::move(listener), *this,
                                                   options_.longest_seconds);
    sessions_.push_back(session);
    count();
    return session;
  }

  void drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }

  int open_sessions() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(sessions_.size());
  }

  int capacity(AttContext context) const {
    const ModelInfo& model = recognizer_->info();
    int streams = 0;
    while (fits(streams + 1, context.chunk_frames() * model.frame_seconds)) ++streams;
    return streams;
  }

  const Recognizer& recognizer() const { return *recognizer_; }
  double longest_seconds() const { return options_.longest_seconds; }

  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    condition_.notify_one();
  }

 private:
  struct Counts {
    int live = 0;
    int files = 0;
    double shortest_chunk = 0;  // seconds; 0: nobody is live
  };

  static constexpr int kMostStreams = 100'000;  // whatever was measured

  bool fits(int streams, double chunk_seconds) const {
    if (options_.max_streams > 0) return streams <= options_.max_streams;
    return streams <= kMostStreams && utilisation(time_, streams, recognizer_->info().frame_seconds,
                                                  chunk_seconds) <= options_.utilisation;
  }

  // With mutex_ held.
  Counts counts() const {
    Counts counts;
    for (const SessionPointer& session : sessions_) {
      if (session->kind() == Kind::kFile) {
        ++counts.files;
        continue;
      }
      ++counts.live;
      const double chunk = session->chunk_seconds();
      counts.shortest_chunk = counts.shortest_chunk == 0 ? chunk : std::min(counts.shortest_chunk, chunk);
    }
    return counts;
  }

  void count() const {
    const Counts now = counts();
    metrics_.streams(now.live, now.files);
  }

  void admit(const SessionOptions& options) const {
    const auto refuse = [&](const std::string& why) {
      metrics_.refused();
      throw Overloaded(why);
    };
    if (draining_) refuse("the server is shutting down");
    const Counts now = counts();
    if (options.kind == Kind::kFile) {
      if (now.files >= options_.max_files)
        refuse(fmt::format("{} uploads are being transcribed already", now.files));
      return;
    }
    const ModelInfo& model = recognizer_->info();
    double chunk = context_of(model, options.stream).chunk_frames() * model.frame_seconds;
    if (now.live > 0) chunk = std::min(chunk, now.shortest_chunk);
    // The first stream is always welcome: a machine too slow for it says so by its lag.
    if (now.live > 0 && !fits(now.live + 1, chunk))
      refuse(fmt::format("{} streams are open, as many as this machine can carry", now.live));
  }

  void run() {
    std::vector<SessionPointer> open;
    while (true) {
      Counts now;
      {
        std::unique_lock lock(mutex_);
        std::erase_if(sessions_, [&](const SessionPointer& session) { return forget(*session); });
        count();
        if (stopping_) return;
        open = sessions_;
        now = counts();
        woken_ = false;
      }
      const std::vector<StreamSession*> batch = plan(open, now);
      if (!batch.empty()) {
        step(batch);
        continue;
      }
      if (std::any_of(open.begin(), open.end(),
                      [](const SessionPointer& session) { return session->ended(); }))
        continue;
      open.clear();
      std::unique_lock lock(mutex_);
      condition_.wait(lock, [&] { return woken_; });
    }
  }

  bool forget(StreamSession& session) const {
    if (!session.ended()) return false;
    metrics_.finished(session.outcome());
    return true;
  }

  // Gives streams sound and chooses those of the next step: every live one that is on time, and bulk work,
  // live streams that are behind first, as far as it holds nobody up.
  std::vector<StreamSession*> plan(const std::vector<SessionPointer>& open, const Counts& now) {
    std::vector<StreamSession*> batch;
    std::vector<StreamSession*> bulk;
    std::int64_t frames = 0;
    const auto take = [&](StreamSession& session, std::int64_t most) {
      if (!session.feed(most)) return;
      batch.push_back(&session);
      frames += most;
    };
    for (const SessionPointer& session : open) {
      const bool on_time =
          session->kind() == Kind::kLive && session->backlog() < 2 * session->chunk_seconds() + kSlice;
      if (on_time) {
        take(*session, session->chunk_frames());
      } else {
        bulk.push_back(session.get());
      }
    }
    if (bulk.empty()) return batch;
    // Another one begins each time; the sort keeps that order among each kind.
    std::rotate(bulk.begin(), bulk.begin() + static_cast<std::ptrdiff_t>(turn_++ % bulk.size()), bulk.end());
    std::stable_sort(bulk.begin(), bulk.end(), [](const StreamSession* a, const StreamSession* b) {
      return a->kind() == Kind::kLive && b->kind() == Kind::kFile;
    });
    const double longest = now.live == 0
                               ? kIdleStep
                               : std::max(kPartOfChunk * now.shortest_chunk, kLeastEfficiency * time_.fixed);
    const std::int64_t budget = std::max(time_.frames_within(longest) - frames, std::int64_t{1});
    const std::int64_t share =
        std::clamp<std::int64_t>(budget / static_cast<std::int64_t>(bulk.size()), 1, kBulkFrames);
    std::int64_t spent = 0;
    for (StreamSession* session : bulk) {
      if (spent >= budget) break;
      const std::int64_t chunk = session->chunk_frames();
      const std::int64_t most = std::max(chunk, share / chunk * chunk);
      const std::int64_t before = frames;
      take(*session, most);
      spent += frames - before;
    }
    return batch;
  }

  void step(const std::vector<StreamSession*>& batch) {
    std::vector<Stream*> streams;
    for (StreamSession* session : batch) streams.push_back(&session->stream());
    const auto start = std::chrono::steady_clock::now();
    try {
      recognizer_->decode(streams);
    } catch (const std::exception& error) {
      for (StreamSession* session : batch) session->fail(error.what());
      return;
    }
    const auto end = std::chrono::steady_clock::now();
    double audio = 0;
    for (StreamSession* session : batch) audio += session->report(end, metrics_);
    metrics_.step(static_cast<int>(batch.size()), std::chrono::duration<double>(end - start).count(), audio);
  }

  std::shared_ptr<const Recognizer> recognizer_;
  SchedulerOptions options_;
  Metrics& metrics_;
  StepTime time_;

  mutable std::mutex mutex_;
  std::condition_variable condition_;
  std::vector<SessionPointer> sessions_;
  bool woken_ = false;
  bool stopping_ = false;
  bool draining_ = false;

  std::size_t turn_ = 0;  // of bulk work
  std::thread thread_;
};

Scheduler::Scheduler(std::shared_ptr<const Recognizer> recognizer, const SchedulerOptions& options,
                     Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(recognizer), options, metrics)) {}

Scheduler::~Scheduler() = default;

std::shared_ptr<Session> Scheduler::open(const SessionOptions& options, Listener listener) {
  return impl_->open(options, std::move(listener));
}

void Scheduler::drain() { impl_->drain(); }
int Scheduler::open_sessions() const { return impl_->open_sessions(); }
int Scheduler::capacity(AttContext context) const { return impl_->capacity(context); }
const Recognizer& Scheduler::recognizer() const { return impl_->recognizer(); }
double Scheduler::longest_seconds() const { return impl_->longest_seconds(); }

}  // namespace glossa::serve
