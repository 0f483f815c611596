#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace glossa {
namespace {

TEST(ThreadPool, EveryIndexIsVisitedOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    const ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 3, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t index = begin; index < end; ++index) ++visits[static_cast<std::size_t>(index)];
        });
        for (const auto& visit : visits)
          ASSERT_EQ(visit.load(), 1) << threads << " " << count << " " << grain;
      }
    }
  }
}

TEST(ThreadPool, SeveralCallersAtOnceAllFinish) {
  const ThreadPool pool(3);
  std::atomic<std::int64_t> sum{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round < 200; ++round) {
          pool.parallel_for(10, 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t index = begin; index < end; ++index) sum += index;
          });
        }
      });
    }
  }
  EXPECT_EQ(sum.load(), 4 * 200 * 45);
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolLivesOn) {
  const ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    const std::int64_t culprit = round % 60;
    const auto loop = [&] {
      pool.parallel_for(60, 1, [&](std::int64_t begin, std::int64_t end) {
        if (begin <= culprit && culprit < end) throw std::runtime_error("no memory");
      });
    };
    EXPECT_THROW(loop(), std::runtime_error);
    std::atomic<int> visits{0};
    pool.parallel_for(60, 1,
                      [&](std::int64_t begin, std::int64_t end) { visits += static_cast<int>(end - begin); });
    ASSERT_EQ(visits.load(), 60);
  }
}

// While one caller is in a loop of one piece, the workers are free for another's.
TEST(ThreadPool, ALoopOfOnePieceLeavesTheWorkersToOthers) {
  const ThreadPool pool(2);
  std::atomic<int> at_once{0};
  pool.parallel_for(1, 1, [&](std::int64_t, std::int64_t) {
    std::jthread other([&] {
      pool.parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
        ++at_once;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (at_once < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        EXPECT_EQ(at_once, 2) << "both pieces run in one thread";
      });
    });
  });
  EXPECT_EQ(at_once, 2);
}

TEST(ThreadPool, WorkersThatWentToSleepWakeUp) {
  const ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> pieces{0};
    pool.parallel_for(4, 1,
                      [&](std::int64_t begin, std::int64_t end) { pieces += static_cast<int>(end - begin); });
    ASSERT_EQ(pieces.load(), 4);
  }
}

}  // namespace
}  // namespace glossa
