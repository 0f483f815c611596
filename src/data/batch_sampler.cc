#include "data/batch_sampler.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <string>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "data/draws.h"
#include "data/utterance_joiner.h"

namespace glossa::data {
namespace {

// n * max(d + d^2 / quadratic) within the limits, as cuts join one by one.
class BatchLimit {
 public:
  explicit BatchLimit(const SamplerOptions& options) : options_(options) {}

  double cost(double duration) const {
    return options_.quadratic_duration ? duration + duration * duration / *options_.quadratic_duration
                                       : duration;
  }

  bool fits(std::size_t cuts, double longest) const {
    if (options_.batch_size && cuts > static_cast<std::size_t>(*options_.batch_size)) return false;
    return !options_.batch_duration || static_cast<double>(cuts) * cost(longest) <= *options_.batch_duration;
  }

  bool full(std::size_t cuts) const {
    return options_.batch_size && cuts >= static_cast<std::size_t>(*options_.batch_size);
  }

 private:
  const SamplerOptions& options_;
};

// Waiting cuts, of which the first `size` make up the next batch.
class Bucket {
 public:
  // `limit` as passed by every call.
  void push(const PlannedCut& cut, const BatchLimit& limit) {
    waiting_.push_back(cut);
    extend(limit);
  }

  // A further cut would not go into the next batch.
  bool ready() const { return closed_; }
  std::size_t size() const { return waiting_.size(); }
  // In batches of the next one's size.
  double batches() const {
    return static_cast<double>(size()) / static_cast<double>(std::max<std::size_t>(1, next_));
  }

  BatchPlan pop(const BatchLimit& limit) {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(next_);
    BatchPlan plan(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    next_ = 0;
    longest_ = 0;
    closed_ = false;
    extend(limit);
    return plan;
  }

 private:
  void extend(const BatchLimit& limit) {
    while (!closed_ && next_ < waiting_.size()) {
      const double longest = std::max(longest_, waiting_[next_].cut->duration);
      if (!limit.fits(next_ + 1, longest)) {
        closed_ = true;
      } else {
        longest_ = longest;
        ++next_;
        closed_ = limit.full(next_);
      }
    }
  }

  std::deque<PlannedCut> waiting_;
  std::size_t next_ = 0;  // cuts of the next batch so far
  double longest_ = 0;    // of these, seconds
  bool closed_ = false;
};

template <class Number>
void expect_positive(const std::optional<Number>& value, const char* name) {
  if (value && !(*value > 0 && std::isfinite(static_cast<double>(*value)))) {
    fail_invalid_argument("{}: must be greater than 0 (got {})", name, *value);
  }
}

SamplerOptions checked(const SamplerOptions& options) {
  if (!options.batch_size && !options.batch_duration) {
    fail_invalid_argument("no batch limit (expected batch_size or batch_duration)");
  }
  expect_positive(options.batch_size, "batch_size");
  expect_positive(options.batch_duration, "batch_duration");
  expect_positive(options.quadratic_duration, "quadratic_duration");
  if (!(options.min_duration <= options.max_duration)) {
    fail_invalid_argument("min_duration {} s is above max_duration {} s", options.min_duration,
                          options.max_duration);
  }
  if (options.buckets < 1) fail_invalid_argument("num_buckets: must be 1 or more (got {})", options.buckets);
  if (options.buffer_size < 1)
    fail_invalid_argument("buffer size: must be 1 or more (got {})", options.buffer_size);
  if (options.ranks < 1 || options.rank < 0 || options.rank >= options.ranks) {
    fail_invalid_argument("rank {} of {} (expected 0 to ranks - 1)", options.rank, options.ranks);
  }
  const auto& bins = options.bucket_duration_bins;
  for (std::size_t index = 0; index < bins.size(); ++index) {
    if (!(bins[index] > 0) || (index > 0 && !(bins[index] > bins[index - 1]))) {
      fail_invalid_argument("bucket_duration_bins: must be seconds in rising order (got {} at place {})",
                            bins[index], index);
    }
  }
  return options;
}

}  // namespace

class BatchSampler::Impl {
 public:
  Impl(std::vector<WeightedCuts> streams, const SamplerOptions& options)
      : options_(checked(options)),
        limit_(options_),
        sources_(std::move(streams)),
        draws_(filtered(), options_) {
    const bool bucketing = options_.shuffle && options_.bucketing;
    if (bucketing)
      bounds_ = options_.bucket_duration_bins.empty() ? equal_bins() : options_.bucket_duration_bins;
    // With one bucket nothing is gained by looking ahead: the draws are shuffled already.
    buffer_size_ = bounds_.empty() ? 0 : static_cast<std::size_t>(options_.buffer_size);
    begin();
  }

  BatchPlan next() {
    BatchPlan plan;
    for (int rank = 0; rank < options_.ranks; ++rank) {
      BatchPlan batch = next_of_all();
      if (rank == options_.rank) plan = std::move(batch);
    }
    return plan;
  }

  const Totals& totals() const { return totals_; }

  std::vector<BatchPlan> largest_of(std::int64_t batches) {
    BatchPlan of_most_sound;
    BatchPlan of_longest_cut;
    double most_sound = 0;
    double longest_cut = 0;
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      const BatchPlan plan = next();
      if (plan.empty()) break;
      double longest = 0;
      for (const PlannedCut& planned : plan) longest = std::max(longest, planned.cut->duration);
      const double sound = longest * static_cast<double>(plan.size());
      const bool is_longer =
          longest > longest_cut || (longest == longest_cut && plan.size() > of_longest_cut.size());
      if (sound > most_sound) of_most_sound = plan;
      if (is_longer) of_longest_cut = plan;
      most_sound = std::max(most_sound, sound);
      longest_cut = std::max(longest_cut, longest);
    }
    draws_ = Draws(draws_.streams(), options_);
    begin();
    std::vector<BatchPlan> plans = {of_most_sound};
    const bool is_both =
        std::any_of(of_most_sound.begin(), of_most_sound.end(),
                    [&](const PlannedCut& planned) { return planned.cut->duration == longest_cut; });
    if (!is_both) plans.push_back(of_longest_cut);
    return plans;
  }

 private:
  // What the limits let through, stream by stream. Weights as given.
  std::vector<DrawnStream> filtered() {
    std::vector<DrawnStream> kept;
    std::int64_t beyond_batch = 0;
    double weights = 0;
    for (const WeightedCuts& source : sources_) {
      if (!(source.weight >= 0 && std::isfinite(source.weight))) {
        fail_invalid_argument("{}: the weight must be 0 or more (got {})", source.name, source.weight);
      }
      DrawnStream stream{source.weight, {}};
      for (const Cut& cut : source.cuts) {
        const bool too_short = !(cut.duration > 0) || cut.duration < options_.min_duration;
        const bool alone_too_long = !too_short && !limit_.fits(1, cut.duration);
        if (too_short || alone_too_long || cut.duration > options_.max_duration) {
          (too_short ? totals_.too_short : totals_.too_long) += 1;
          totals_.hours_left_out += cut.duration / 3600;
          beyond_batch += alone_too_long && cut.duration <= options_.max_duration ? 1 : 0;
        } else {
          stream.cuts.push_back(&cut);
          totals_.hours += cut.duration / 3600;
        }
      }
      totals_.cuts += static_cast<std::int64_t>(stream.cuts.size());
      if (stream.cuts.empty()) {
        log::warning(fmt::format("{}: no cut within the duration limits: it is not drawn from", source.name));
      } else {
        weights += stream.weight;
        kept.push_back(std::move(stream));
      }
    }
    if (kept.empty()) {
      fail_invalid_argument(
          "no cut within the duration limits (expected {} to {} s and a batch to hold it; {} are too short, "
          "{} too "
          "long)",
          options_.min_duration, options_.max_duration, totals_.too_short, totals_.too_long);
    }
    if (options_.shuffle && !(weights > 0)) fail_invalid_argument("all weights of the mixture are 0");
    if (beyond_batch > 0) {
      log::warning(fmt::format(
          "{} cuts are left out because a batch of {} s cannot hold even one of them (expected a larger "
          "batch_duration)",
          beyond_batch, *options_.batch_duration));
    }
    return kept;
  }

  // With the first of `draws_`.
  void begin() {
    joiner_.emplace(draws_, options_.join, [this](double seconds) { return fits(seconds); });
    buckets_.assign(bounds_.size() + 1, {});
    buffered_ = 0;
    batches_ = 0;
    last_bucket_ = kNone;
    last_group_ = 0;
  }

  bool fits(double seconds) const { return seconds <= options_.max_duration && limit_.fits(1, seconds); }

  using Weighed = std::vector<std::pair<double, double>>;  // duration, how often it is drawn

  // A cut counts by its stream's weight.
  Weighed weighed_cuts() const {
    Weighed weighed;
    for (const DrawnStream& stream : draws_.streams()) {
      const double weight = stream.weight / static_cast<double>(stream.cuts.size());
      for (const Cut* cut : stream.cuts) weighed.emplace_back(cut->duration, weight);
    }
    return weighed;
  }

  // Joined cuts have other lengths than those that they are made of: some are drawn to see which.
  Weighed drawn_cuts() const {
    SamplerOptions endless = options_;
    endless.endless = true;
    Draws draws(draws_.streams(), endless);
    UtteranceJoiner joiner(draws, options_.join, [this](double seconds) { return fits(seconds); });
    Weighed weighed;
    for (int draw = 0; draw < kDrawsForBins; ++draw) weighed.emplace_back(joiner.next().cut->duration, 1.0);
    return weighed;
  }

  // Bounds between buckets that are drawn into equally often.
  std::vector<double> equal_bins() const {
    Weighed weighed = options_.join.share > 0 ? drawn_cuts() : weighed_cuts();
    double sum = 0;
    for (const auto& [duration, weight] : weighed) sum += weight;
    std::sort(weighed.begin(), weighed.end());
    std::vector<double> bounds;
    double before = 0;
    for (const auto& [duration, weight] : weighed) {
      before += weight;
      const double wanted = sum * static_cast<double>(bounds.size() + 1) / options_.buckets;
      const bool more = static_cast<int>(bounds.size()) + 1 < options_.buckets;
      // As many equal durations as there are stay in one bucket.
      if (more && before >= wanted && (bounds.empty() || duration > bounds.back()))
        bounds.push_back(duration);
    }
    return bounds;
  }

  std::size_t bucket_of(double duration) const {
    return static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), duration) -
                                    bounds_.begin());
  }

  BatchPlan next_of_all() {
    const std::size_t chosen = fill();
    const std::uint64_t number = batches_++;
    if (chosen == kNone) return {};
    last_bucket_ = chosen;
    last_group_ = number / static_cast<std::uint64_t>(options_.ranks);
    BatchPlan plan = buckets_[chosen].pop(limit_);
    buffered_ -= plan.size();
    return plan;
  }

  // Draws until the buffer is full and a bucket has a whole batch, which is chosen. kNone at the end.
  std::size_t fill() {
    const std::size_t most = kMostBuffers * std::max(buffer_size_, std::size_t{1} << 16);
    while (buffered_ < buffer_size_ || (!any_ready() && buffered_ < most)) {
      const PlannedCut cut = joiner_->next();
      if (cut.cut == nullptr) break;
      buckets_[bucket_of(cut.cut->duration)].push(cut, limit_);
      ++buffered_;
    }
    return choose();
  }

  bool any_ready() const {
    return std::any_of(buckets_.begin(), buckets_.end(), [](const Bucket& bucket) { return bucket.ready(); });
  }

  // Any ready bucket: with equal probability as in Lhotse, or where cuts are joined by the number of its
  // batches, since long ones, of which a batch holds few, would otherwise wait until they fill the buffer.
  // The batches of one step, one per rank, come from one bucket where it has enough, so that no rank waits
  // for longer sounds of another. None ready (at the end of the data, or limits that the buffer cannot fill):
  // the fullest.
  std::size_t choose() {
    const auto group = batches_ / static_cast<std::uint64_t>(options_.ranks);
    if (last_bucket_ != kNone && last_group_ == group && buckets_[last_bucket_].ready()) return last_bucket_;
    std::vector<std::size_t> candidates;
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      if (buckets_[index].ready()) candidates.push_back(index);
    }
    if (candidates.empty()) {
      const auto fullest =
          std::max_element(buckets_.begin(), buckets_.end(),
                           [](const Bucket& a, const Bucket& b) { return a.size() < b.size(); });
      return fullest->size() == 0 ? kNone : static_cast<std::size_t>(fullest - buckets_.begin());
    }
    if (!(options_.join.share > 0))
      return candidates[random_below(options_.seed, Purpose::kBucket, batches_, candidates.size())];
    double sum = 0;
    for (const std::size_t index : candidates) sum += buckets_[index].batches();
    double left = random_unit(options_.seed, Purpose::kBucket, batches_) * sum;
    for (const std::size_t index : candidates) {
      left -= buckets_[index].batches();
      if (left < 0) return index;
    }
    return candidates.back();
  }

  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  static constexpr int kDrawsForBins = 10'000;
  static constexpr std::size_t kMostBuffers = 4;  // held when no bucket has a whole batch

  const SamplerOptions options_;
  const BatchLimit limit_;
  const std::vector<WeightedCuts> sources_;
  Totals totals_;
  Draws draws_;
  std::optional<UtteranceJoiner> joiner_;  // always there
  std::vector<double> bounds_;             // upper ones of all buckets but the last
  std::vector<Bucket> buckets_;
  std::size_t buffer_size_ = 0;
  std::size_t buffered_ = 0;
  std::uint64_t batches_ = 0;  // of all ranks
  std::size_t last_bucket_ = kNone;
  std::uint64_t last_group_ = 0;
};

BatchSampler::BatchSampler(std::vector<WeightedCuts> streams, const SamplerOptions& options)
    : impl_(std::make_unique<Impl>(std::move(streams), options)) {}
BatchSampler::~BatchSampler() = default;
BatchSampler::BatchSampler(BatchSampler&&) noexcept = default;
BatchSampler& BatchSampler::operator=(BatchSampler&&) noexcept = default;

BatchPlan BatchSampler::next() { return impl_->next(); }

void BatchSampler::skip(std::int64_t batches) {
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    if (impl_->next().empty()) return;
  }
}

const BatchSampler::Totals& BatchSampler::totals() const { return impl_->totals(); }

std::vector<BatchPlan> BatchSampler::largest_of(std::int64_t batches) { return impl_->largest_of(batches); }

}  // namespace glossa::data
