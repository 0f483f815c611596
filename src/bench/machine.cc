#include "bench/machine.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "backend/cpu/kernel_selection.h"

namespace glossa::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 16;
constexpr std::size_t kBytesPerThread = 256 << 20;
constexpr std::int64_t kInputs = 1024;

// Seconds of the fastest of several rounds in which every thread runs `work(thread)`.
double best_seconds(int threads, const std::function<void(int)>& work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
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

// Matrix kernels with one row are the best readers there are: they load each weight once and do little else.
// Which of them is the faster one differs from machine to machine.
double read_bandwidth(const backend::KernelTable& kernels, int threads) {
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(threads));
  for (auto& block : memory) block.assign(kBytesPerThread / sizeof(float), 1.0f);

  const double f32_seconds = best_seconds(threads, [&](int thread) {
    const std::vector<float> x(kInputs, 1.0f);
    std::vector<float> y(kBytesPerThread / sizeof(float) / kInputs);
    kernels.matmul_f32(x.data(), kInputs, 1, memory[static_cast<std::size_t>(thread)].data(), kInputs,
                       static_cast<std::int64_t>(y.size()), kInputs, y.data(), 1);
  });

  constexpr std::int64_t kBlocks = kInputs / backend::kBlock;
  constexpr std::size_t kPanelBytes = backend::kPanel * (kInputs + sizeof(float));
  const double int8_seconds = best_seconds(threads, [&](int thread) {
    const std::vector<std::int8_t> values(kInputs, 1);
    const std::vector<std::int32_t> sums(kBlocks + 1, 1);
    const float scale = 1;
    const backend::Int8Rows x{values.data(), kInputs, &scale, sums.data(), 1, kBlocks};
    const auto* panels =
        reinterpret_cast<const std::uint8_t*>(memory[static_cast<std::size_t>(thread)].data());
    float y[backend::kPanel];
    for (std::size_t at = 0; at + kPanelBytes <= kBytesPerThread; at += kPanelBytes)
      kernels.matmul_int8(x, panels + at, y, backend::kPanel);
  });
  return static_cast<double>(threads) * kBytesPerThread / std::min(f32_seconds, int8_seconds) / 1e9;
}

double peak_gop_per_s(double (*peak)(std::int64_t iterations), int threads) {
  constexpr std::int64_t kIterations = 2'000'000;
  std::vector<double> operations(static_cast<std::size_t>(threads));
  const double seconds = best_seconds(
      threads, [&](int thread) { operations[static_cast<std::size_t>(thread)] = peak(kIterations); });
  return std::accumulate(operations.begin(), operations.end(), 0.0) / seconds / 1e9;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

std::string kernel_names(const backend::KernelSelection& selection) {
  std::string names;
  for (const backend::KernelCell& cell : selection.cells) {
    if (cell.operation != "matmul_int8" && cell.operation != "matmul_f32") continue;
    if (names.find(cell.chosen) == std::string::npos || names.size() < cell.chosen.size())
      names = names.empty() ? cell.chosen : cell.chosen + ", " + names;
  }
  return names;
}

}  // namespace

int usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

MachineCeiling measure_machine(int threads) {
  const backend::KernelSelection selection = backend::select_kernels();
  MachineCeiling ceiling;
  ceiling.processor = processor_name();
  ceiling.kernels = kernel_names(selection);
  ceiling.cores = usable_cores();
  ceiling.threads = threads;
  ceiling.read_gb_per_s = read_bandwidth(selection.table, threads);
  ceiling.f32_gflop_per_s = peak_gop_per_s(selection.table.peak_f32, threads);
  ceiling.int8_gop_per_s = peak_gop_per_s(selection.table.peak_int8, threads);
  return ceiling;
}

}  // namespace glossa::bench
