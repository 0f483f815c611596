#include "data/batch_loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace glossa::data {
namespace {

// So many batches without a single readable cut mean that the data is gone, not damaged.
constexpr int kMostUnreadableBatches = 100;

// A batch on its way. Everything but the cuts' samples is guarded by the loader's mutex; the samples belong
// to the thread that claimed their cut.
struct Pending {
  LoadedBatch batch;
  std::size_t claimed = 0;  // cuts given to threads
  std::size_t done = 0;
  std::exception_ptr error;  // of the sampler, of a transform, or of the machine
  bool last = false;         // the sampler has ended, or failed

  bool complete() const { return done == batch.cuts.size(); }
};

}  // namespace

class BatchLoader::Impl {
 public:
  Impl(BatchSampler sampler, const AudioReader& reader, LoaderOptions options)
      : sampler_(std::move(sampler)),
        reader_(reader),
        options_(std::move(options)),
        index_(options_.first_batch) {
    if (options_.threads < 1)
      fail_invalid_argument("loader threads: expected 1 or more, got {}", options_.threads);
    if (options_.batches_ahead < 1)
      fail_invalid_argument("batches ahead: expected 1 or more, got {}", options_.batches_ahead);
    if (options_.first_batch < 0)
      fail_invalid_argument("first batch: expected 0 or more, got {}", options_.first_batch);
    try {
      for (int thread = 0; thread < options_.threads; ++thread) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }

  ~Impl() { stop(); }

  LoadedBatch next() {
    LoadedBatch batch = take_first();
    if (batch.end) return batch;
    std::erase_if(batch.cuts, [](const LoadedCut& cut) { return cut.samples.empty(); });
    unreadable_batches_ = batch.cuts.empty() ? unreadable_batches_ + 1 : 0;
    if (unreadable_batches_ == kMostUnreadableBatches) {
      fail_bad_input("{}: not one of the cuts of the last {} batches can be read", last_complaint(),
                     kMostUnreadableBatches);
    }
    for (const LoadedCut& cut : batch.cuts) batch.seconds += static_cast<double>(cut.samples.size());
    batch.seconds /= reader_.sample_rate();
    return batch;
  }

  std::int64_t unreadable() const {
    const std::lock_guard lock(mutex_);
    return unreadable_;
  }

  double seconds_waited() const {
    const std::lock_guard lock(mutex_);
    return seconds_waited_;
  }

 private:
  // The end however often it is asked for.
  LoadedBatch take_first() {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return !pending_.empty() && pending_.front()->complete(); };
    if (!ready()) {
      const auto start = std::chrono::steady_clock::now();
      batch_done_.wait(lock, ready);
      seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    Pending& first = *pending_.front();
    if (first.error) {
      const std::exception_ptr error = first.error;
      if (!first.last) pending_.pop_front();
      lock.unlock();
      work_wanted_.notify_all();
      std::rethrow_exception(error);
    }
    if (first.last) return {.index = first.batch.index, .cuts = {}, .end = true};
    LoadedBatch batch = std::move(first.batch);
    pending_.pop_front();
    lock.unlock();
    work_wanted_.notify_all();
    return batch;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (const auto pending = claimable()) {
        LoadedCut& cut = pending->batch.cuts[pending->claimed++];
        lock.unlock();
        std::exception_ptr error;
        try {
          load(cut);
        } catch (...) {
          error = std::current_exception();
        }
        lock.lock();
        if (error && !pending->error) pending->error = error;
        if (++pending->done == pending->batch.cuts.size()) batch_done_.notify_all();
      } else if (!drawn_last_ && pending_.size() < static_cast<std::size_t>(options_.batches_ahead)) {
        draw();
        work_wanted_.notify_all();
      } else {
        work_wanted_.wait(lock);
      }
    }
  }

  // The earliest batch with a cut that no thread has taken.
  std::shared_ptr<Pending> claimable() const {
    for (const auto& pending : pending_) {
      if (pending->claimed < pending->batch.cuts.size()) return pending;
    }
    return nullptr;
  }

  // Metadata only, so the other threads can wait for it.
  void draw() {
    auto pending = std::make_shared<Pending>();
    pending->batch.index = index_;
    try {
      if (!skipped_) sampler_.skip(options_.first_batch);
      skipped_ = true;
      for (const PlannedCut& planned : sampler_.next()) {
        pending->batch.cuts.push_back({planned.cut, planned.seed, {}, {}, planned.joined});
      }
      pending->last = pending->batch.cuts.empty();
      ++index_;
    } catch (...) {
      pending->batch.cuts.clear();
      pending->error = std::current_exception();
      pending->last = true;
    }
    drawn_last_ = pending->last;
    pending_.push_back(std::move(pending));
    if (drawn_last_) batch_done_.notify_all();
  }

  // Without samples when they cannot be read.
  void load(LoadedCut& cut) {
    try {
      cut.samples = reader_.read(*cut.cut);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadInput) throw;
      tell(error.what());
      return;
    }
    if (options_.transform) options_.transform(cut.samples, *cut.cut, cut.seed);
    if (options_.features) cut.features = options_.features(cut);
  }

  void tell(const std::string& why) {
    {
      const std::lock_guard lock(mutex_);
      complaint_ = why;
      ++unreadable_;
      if (!told_.insert(why).second) return;
    }
    log::warning(why + "; the cut is left out");
  }

  std::string last_complaint() const {
    const std::lock_guard lock(mutex_);
    return complaint_;
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    work_wanted_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  BatchSampler sampler_;
  const AudioReader& reader_;
  const LoaderOptions options_;
  int unreadable_batches_ = 0;  // in a row; of the thread that calls next()

  mutable std::mutex mutex_;  // of everything below, and of the sampler
  std::condition_variable work_wanted_;
  std::condition_variable batch_done_;
  std::deque<std::shared_ptr<Pending>> pending_;  // in the sampler's order
  std::int64_t index_;
  bool skipped_ = false;
  bool drawn_last_ = false;
  bool stopped_ = false;
  std::unordered_set<std::string> told_;  // complaints
  std::int64_t unreadable_ = 0;           // every time that one is left out
  std::string complaint_;
  double seconds_waited_ = 0;

  std::vector<std::thread> threads_;
};

BatchLoader::BatchLoader(BatchSampler sampler, const AudioReader& reader, const LoaderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(sampler), reader, options)) {}
BatchLoader::~BatchLoader() = default;

LoadedBatch BatchLoader::next() { return impl_->next(); }
std::int64_t BatchLoader::unreadable() const { return impl_->unreadable(); }
double BatchLoader::seconds_waited() const { return impl_->seconds_waited(); }

}  // namespace glossa::data
