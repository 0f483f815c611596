// The paced loop on a clock that only moves when somebody sleeps or works: every figure is known by hand.
#include "bench/live_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace glossa::bench {
namespace {

class FakeClock : public LiveClock {
 public:
  double now() const override { return now_; }
  void sleep_until(double time) override {
    ASSERT_GE(time, now_);
    now_ = time;
  }
  void work(double seconds) { now_ += seconds; }

 private:
  double now_ = 100;
};

// A decode takes `fixed` and `each` per stream, in seconds.
class FakeWork : public LiveWork {
 public:
  FakeWork(FakeClock& clock, std::vector<double> chunks, double fixed, double each)
      : clock_(clock), chunks_(std::move(chunks)), fixed_(fixed), each_(each) {}

  double chunk_seconds(int stream) const override {
    return chunks_[static_cast<std::size_t>(stream) % chunks_.size()];
  }
  void accept_chunk(int stream) override { ++waiting[stream]; }
  void decode(std::span<const int> streams) override {
    for (const int stream : streams) {
      EXPECT_GT(waiting[stream], 0) << "no chunk of stream " << stream;
      --waiting[stream];
    }
    batches.push_back(streams.size());
    clock_.work(fixed_ + each_ * static_cast<double>(streams.size()));
  }

  std::map<int, int> waiting;
  std::vector<std::size_t> batches;

 private:
  FakeClock& clock_;
  std::vector<double> chunks_;
  double fixed_;
  double each_;
};

TEST(LiveRun, OneStreamWaitsOnlyForItsOwnDecode) {
  FakeClock clock;
  FakeWork work(clock, {0.08}, 0.03, 0);
  const LiveRun run = run_live(work, clock, 1, 8);
  EXPECT_TRUE(run.holds());
  EXPECT_NEAR(run.latency_seconds.p50, 0.03, 1e-9);
  EXPECT_NEAR(run.latency_seconds.largest, 0.03, 1e-9);
  EXPECT_NEAR(run.p95_of_chunk, 0.375, 1e-9);
  EXPECT_EQ(run.latency_seconds.count, 100u);  // 8 s of chunks of 80 ms
  EXPECT_NEAR(run.seconds, 8, 0.04);
  EXPECT_LE(work.waiting[0], 1);
}

// Two arrivals half a chunk apart and a decode longer than that: the second waits for the first.
TEST(LiveRun, ArrivalsAreSpreadOverTheChunk) {
  FakeClock clock;
  FakeWork spread(clock, {0.08}, 0.03, 0);
  EXPECT_NEAR(run_live(spread, clock, 2, 8).latency_seconds.largest, 0.03, 1e-9);
  for (const std::size_t batch : spread.batches) EXPECT_EQ(batch, 1u);
  FakeWork slow(clock, {0.08}, 0.05, 0);
  const LiveRun run = run_live(slow, clock, 2, 8);
  EXPECT_EQ(*std::max_element(slow.batches.begin(), slow.batches.end()), 2u);  // when both wait
  EXPECT_FALSE(run.gave_up);
  EXPECT_GT(run.latency_seconds.largest, 0.05);
  EXPECT_LT(run.latency_seconds.largest, 0.05 + 0.05);  // the decode under way, and its own
}

TEST(LiveRun, BatchesGrowUntilTheyHold) {
  FakeClock clock;
  FakeWork work(clock, {0.08}, 0.02, 0.001);  // 30 streams in one batch: 50 ms
  const LiveRun run = run_live(work, clock, 30, 8);
  EXPECT_TRUE(run.holds());
  EXPECT_LT(run.p95_of_chunk, 1);
  EXPECT_LT(work.batches.size() * 2, 30u * 100u);
}

TEST(LiveRun, TooMuchWorkIsGivenUpEarly) {
  FakeClock clock;
  FakeWork work(clock, {0.08}, 0, 0.01);  // 16 streams need 160 ms per 80 ms
  const double start = clock.now();
  const LiveRun run = run_live(work, clock, 16, 600);
  EXPECT_FALSE(run.holds());
  EXPECT_TRUE(run.gave_up);
  EXPECT_LT(clock.now() - start, 10);
}

TEST(LiveRun, FallingBehindSlowlyDoesNotHold) {
  FakeClock clock;
  FakeWork work(clock, {1.12}, 1.2, 0);
  const LiveRun run = run_live(work, clock, 1, 30);
  EXPECT_FALSE(run.holds());
  EXPECT_GT(run.backlog_of_chunk + run.p95_of_chunk, 1);
}

TEST(LiveRun, EveryStreamIsMeasuredByItsOwnChunk) {
  FakeClock clock;
  FakeWork work(clock, {0.08, 1.12}, 0.1, 0);  // too slow for one of them
  const LiveRun run = run_live(work, clock, 2, 10);
  EXPECT_FALSE(run.holds());
  FakeWork fast(clock, {0.08, 1.12}, 0.04, 0);
  const LiveRun mixed = run_live(fast, clock, 2, 10);
  EXPECT_TRUE(mixed.holds());
  // 10 s of both: 125 and about 9 chunks.
  EXPECT_NEAR(static_cast<double>(mixed.latency_seconds.count), 134, 2);
}

}  // namespace
}  // namespace glossa::bench
