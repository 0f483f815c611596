#include "machine.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "backend/cpu/kernel_selection.h"

namespace glossa::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Seconds of the fastest of several rounds in which every thread runs `work(thread)`.
double best_seconds(int threads, int rounds, const std::function<void(int)>& work) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    {
      std::vector<std::jthread> workers;
      for (int thread = 0; thread < threads; ++thread)
        workers.emplace_back([&work, thread] { work(thread); });
    }
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

MachineCeiling measure_machine(int threads) {
  MachineCeiling ceiling;
  ceiling.threads = threads;

  constexpr std::size_t kFloatsPerThread = 64 << 20;  // 256 MiB
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(threads));
  for (auto& block : memory) block.assign(kFloatsPerThread, 1.0f);
  const backend::KernelTable kernels = backend::select_kernels().table;
  std::vector<float> sums(static_cast<std::size_t>(threads));
  // The matrix kernel with one row is the best reader there is: it loads each weight once and does little
  // else.
  const double read_seconds = best_seconds(threads, 24, [&](int thread) {
    constexpr std::int64_t kInputs = 1024;
    std::vector<float> x(kInputs, 1.0f);
    std::vector<float> y(kFloatsPerThread / kInputs);
    kernels.matmul_f32(x.data(), kInputs, 1, memory[static_cast<std::size_t>(thread)].data(), kInputs,
                       static_cast<std::int64_t>(y.size()), kInputs, y.data(), 1);
    sums[static_cast<std::size_t>(thread)] = y.front();
  });
  ceiling.read_gb_per_s =
      static_cast<double>(threads) * kFloatsPerThread * sizeof(float) / read_seconds / 1e9;

  constexpr std::int64_t kIterations = 2'000'000;
  for (const bool int8 : {false, true}) {
    std::vector<double> operations(static_cast<std::size_t>(threads));
    const double seconds = best_seconds(threads, 24, [&](int thread) {
      operations[static_cast<std::size_t>(thread)] =
          (int8 ? kernels.peak_int8 : kernels.peak_f32)(kIterations);
    });
    const double rate = std::accumulate(operations.begin(), operations.end(), 0.0) / seconds / 1e9;
    (int8 ? ceiling.int8_gop_per_s : ceiling.f32_gflop_per_s) = rate;
  }
  return ceiling;
}

}  // namespace glossa::bench
