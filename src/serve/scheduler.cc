#include "serve/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>
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

}  // namespace

class Scheduler::Impl final : public Waker {
 public:
  Impl(std::shared_ptr<const Recognizer> recognizer, const SchedulerOptions& options, Metrics& metrics)
      : recognizer_(std::move(recognizer)),
        options_(options),
        metrics_(metrics),
        time_(measure_step_time(*recognizer_,
                                served_options({.stream = {.att_context = shortest(recognizer_->info())}},
                                               options.streams, recognizer_->info()))) {
    metrics_.capacity(capacity(recognizer_->info().att_contexts.front()));
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    condition_.notify_one();
    thread_.join();
    for (const SessionPointer& session : sessions_) {
      session->fail("the server is shutting down");
      session->record_end(metrics_);
    }
  }

  // Counted from its making on; the first session that uses it takes the count over, others have their own.
  class Place final : public FilePlace {
   public:
    Place(Impl& scheduler, Load load, const std::shared_ptr<Session>& before = nullptr)
        : scheduler_(scheduler), load_(load) {
      const std::lock_guard lock(scheduler.mutex_);
      const bool has_place = scheduler.sessions_.contains(std::static_pointer_cast<StreamSession>(before));
      if (scheduler.draining_ || !has_place) scheduler.admit(load);
      scheduler.count(load, 1);
    }
    ~Place() override {
      if (used_) return;
      const std::lock_guard lock(scheduler_.mutex_);
      scheduler_.count(load_, -1);
    }
    void use() {  // with mutex_ held
      if (used_) scheduler_.count(load_, 1);
      used_ = true;
    }

   private:
    Impl& scheduler_;
    Load load_;
    bool used_ = false;
  };

  std::unique_ptr<FilePlace> take_file_place() {
    return std::make_unique<Place>(*this, Load{.kind = Kind::kFile});
  }

  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener,
                                const std::shared_ptr<Session>& before) {
    Place place(*this, load_of(options, options_.streams, recognizer_->info()), before);
    return open(options, std::move(listener), place);
  }

  std::shared_ptr<Session> open(const SessionOptions& options, Listener listener, FilePlace& place) {
    auto session = std::make_shared<StreamSession>(*recognizer_, options, options_.streams,
                                                   std::move(listener), *this, options_.longest_seconds);
    const std::lock_guard lock(mutex_);
    sessions_.insert(session);
    dynamic_cast<Place&>(place).use();
    return session;
  }

  double file_backlog() const {
    const std::lock_guard lock(mutex_);
    double seconds = 0;
    for (const SessionPointer& session : sessions_) {
      if (session->kind() == Kind::kFile) seconds += session->backlog();
    }
    return seconds;
  }

  void drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }

  int open_sessions() const {
    const std::lock_guard lock(mutex_);
    return counts_.live() + counts_.files;
  }

  int capacity(AttContext context) const {
    if (options_.max_streams > 0) return options_.max_streams;
    const SessionOptions options{.stream = {.att_context = context}, .takes_drafts = true};
    const Load load = load_of(options, options_.streams, recognizer_->info());
    return most_searches(load.chunk_frames) / load.searches;
  }

  const Recognizer& recognizer() const { return *recognizer_; }
  double longest_seconds() const { return options_.longest_seconds; }

  void wake(std::shared_ptr<StreamSession> session) override {
    {
      const std::lock_guard lock(mutex_);
      woken_.push_back(std::move(session));
    }
    condition_.notify_one();
  }

 private:
  struct Counts {
    int files = 0;
    int searches = 0;                  // of live streams
    std::map<int, int> live_by_chunk;  // frames of a chunk -> streams

    void add(const Load& load, int count) {
      if (load.kind == Kind::kFile) {
        files += count;
        return;
      }
      searches += count * load.searches;
      if ((live_by_chunk[load.chunk_frames] += count) == 0) live_by_chunk.erase(load.chunk_frames);
    }
    int live() const {
      int sum = 0;
      for (const auto& [frames, streams] : live_by_chunk) sum += streams;
      return sum;
    }
    int shortest_chunk() const { return live_by_chunk.begin()->first; }  // frames; somebody must be live
  };

  struct Batch {
    std::vector<StreamSession*> sessions;
    bool has_bulk = false;  // several chunks of one stream, which cost less than as many of several
    bool has_late = false;  // of live streams
  };

  // Of live streams that are stepped by so many frames, as this machine has been of late.
  int most_searches(int chunk_frames) const {
    // Long chunks cost less for each frame than was measured, and short ones may come.
    const double frame_seconds = recognizer_->info().frame_seconds;
    return most_streams(time_, frame_seconds, chunk_frames * frame_seconds,
                        options_.utilisation / std::max(1.0, worst_slowness_.load()));
  }

  // With mutex_ held.
  void count(const Load& load, int change) {
    counts_.add(load, change);
    metrics_.streams(counts_.live(), counts_.files);
  }

  // With mutex_ held.
  void admit(const Load& load) const {
    const auto refuse = [&](const std::string& why) {
      metrics_.refused();
      throw Overloaded(why);
    };
    if (draining_) refuse("the server is shutting down");
    if (load.kind == Kind::kFile) {
      if (counts_.files >= options_.max_files)
        refuse(fmt::format("{} uploads are being transcribed already", counts_.files));
      return;
    }
    const int live = counts_.live();
    if (live == 0) return;  // always welcome: a machine too slow for it says so by its lag
    const int chunk = std::min(load.chunk_frames, counts_.shortest_chunk());
    const bool fits = options_.max_streams > 0 ? live < options_.max_streams
                                               : counts_.searches + load.searches <= most_searches(chunk);
    if (!fits) refuse(fmt::format("{} streams are open, as many as this machine can carry", live));
  }

  void run() {
    std::vector<SessionPointer> active;
    while (true) {
      double shortest_chunk = 0;  // seconds; 0: nobody is live
      {
        std::unique_lock lock(mutex_);
        if (active.empty()) condition_.wait(lock, [&] { return stopping_ || !woken_.empty(); });
        if (stopping_) return;
        for (SessionPointer& session : woken_) {
          if (session->activate()) active.push_back(std::move(session));
        }
        woken_.clear();
        if (counts_.live() > 0) shortest_chunk = counts_.shortest_chunk() * recognizer_->info().frame_seconds;
      }
      const auto begin = std::chrono::steady_clock::now();
      const Batch batch = plan(active, shortest_chunk);
      if (batch.sessions.empty()) {
        unaccounted_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      } else {
        step(batch, begin);
      }
      forget(active);
    }
  }

  // Those that have ended, for ever, and those that have nothing to do, until they are woken.
  void forget(std::vector<SessionPointer>& active) {
    for (const SessionPointer& session : active) {
      if (!session->ended()) continue;
      const std::lock_guard lock(mutex_);
      if (sessions_.erase(session) == 0) continue;  // its client went on after the end
      count(session->load(), -1);
      session->record_end(metrics_);
    }
    std::erase_if(active,
                  [](const SessionPointer& session) { return session->ended() || !session->is_active(); });
  }

  // Gives streams sound and chooses those of the next step: every live one that is on time, and bulk work,
  // live streams that are behind first, as far as it holds nobody up.
  Batch plan(const std::vector<SessionPointer>& active, double shortest_chunk) {
    Batch batch;
    std::vector<StreamSession*> bulk;
    std::int64_t frames = 0;
    const auto take = [&](StreamSession& session, std::int64_t most) {
      if (!session.feed(most)) return session.rest();
      frames += session.step_frames(most);
      batch.sessions.push_back(&session);
    };
    for (const SessionPointer& session : active) {
      const bool on_time =
          session->kind() == Kind::kLive && session->backlog() < 2 * session->chunk_seconds() + kSlice;
      if (on_time) {
        take(*session, session->load().chunk_frames);
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
    batch.has_bulk = true;
    batch.has_late = bulk.front()->kind() == Kind::kLive;
    const double longest =
        shortest_chunk == 0
            ? kIdleStep
            : std::max(kPartOfChunk * shortest_chunk / correction_.factor(), kLeastEfficiency * time_.fixed);
    const std::int64_t budget = std::max(time_.frames_within(longest) - frames, std::int64_t{1});
    const std::int64_t share =
        std::clamp<std::int64_t>(budget / static_cast<std::int64_t>(bulk.size()), 1, kBulkFrames);
    std::int64_t spent = 0;
    for (StreamSession* session : bulk) {
      if (spent >= budget) break;
      const std::int64_t before = frames;
      take(*session, session->whole_chunks(share / session->load().searches));
      spent += frames - before;
    }
    return batch;
  }

  void step(const Batch& batch, std::chrono::steady_clock::time_point begin) {
    std::vector<Stream*> streams;
    for (StreamSession* session : batch.sessions) streams.push_back(&session->stream());
    try {
      recognizer_->decode(streams);
    } catch (const std::exception& error) {
      for (StreamSession* session : batch.sessions) session->fail(error.what());
      return;
    }
    const auto decoded = std::chrono::steady_clock::now();
    double audio = 0;
    double work = 0;  // seconds, too
    for (StreamSession* session : batch.sessions) {
      const StreamSession::Progress progress = session->report(decoded, metrics_);
      audio += progress.sound;
      work += progress.work;
    }
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    metrics_.step(static_cast<int>(batch.sessions.size()), taken, audio);
    const double expected = time_.fixed + time_.per_frame * work / recognizer_->info().frame_seconds;
    const double all = taken + std::exchange(unaccounted_, 0);
    if (!batch.has_bulk || (batch.has_late && all > expected * correction_.factor()))
      correction_.observe(expected, all);
    worst_slowness_ = correction_.worst();
    metrics_.capacity(capacity(recognizer_->info().att_contexts.front()));
  }

  std::shared_ptr<const Recognizer> recognizer_;
  SchedulerOptions options_;
  Metrics& metrics_;
  StepTime time_;

  mutable std::mutex mutex_;
  std::condition_variable condition_;
  std::unordered_set<SessionPointer> sessions_;
  Counts counts_;                      // of sessions_, and of those being made
  std::vector<SessionPointer> woken_;  // each once
  bool stopping_ = false;
  bool draining_ = false;
  std::atomic<double> worst_slowness_ = 1;  // correction_.worst()

  // Of the scheduler's thread.
  StepTimeCorrection correction_;
  double unaccounted_ = 0;  // seconds of taking up sound that made no chunk whole
  std::size_t turn_ = 0;    // of bulk work

  std::thread thread_;
};

Scheduler::Scheduler(std::shared_ptr<const Recognizer> recognizer, const SchedulerOptions& options,
                     Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(recognizer), options, metrics)) {}

Scheduler::~Scheduler() = default;

std::shared_ptr<Session> Scheduler::open(const SessionOptions& options, Listener listener) {
  return impl_->open(options, std::move(listener), /*before=*/nullptr);
}

std::shared_ptr<Session> Scheduler::open(const SessionOptions& options, Listener listener,
                                         const std::shared_ptr<Session>& before) {
  return impl_->open(options, std::move(listener), before);
}

std::unique_ptr<FilePlace> Scheduler::take_file_place() { return impl_->take_file_place(); }

std::shared_ptr<Session> Scheduler::open(const SessionOptions& options, Listener listener, FilePlace& place) {
  return impl_->open(options, std::move(listener), place);
}

void Scheduler::drain() { impl_->drain(); }
double Scheduler::file_backlog() const { return impl_->file_backlog(); }
int Scheduler::open_sessions() const { return impl_->open_sessions(); }
int Scheduler::capacity(AttContext context) const { return impl_->capacity(context); }
const Recognizer& Scheduler::recognizer() const { return impl_->recognizer(); }
double Scheduler::longest_seconds() const { return impl_->longest_seconds(); }

}  // namespace glossa::serve
