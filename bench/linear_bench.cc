// The linear layers of the 600M geometry at several row counts: bytes of weights and operations per second.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "backend/backend.h"

namespace {

using glossa::backend::Buffer;

// outputs, inputs, rows. Enough copies of the weight to defeat the caches.
void linear(benchmark::State& state) {
  const std::int64_t outputs = state.range(0);
  const std::int64_t inputs = state.range(1);
  const std::int64_t rows = state.range(2);
  const auto backend = glossa::backend::make_backend("cpu", 0);
  const auto copies =
      static_cast<std::size_t>(std::max<std::int64_t>(1, (256 << 20) / (outputs * inputs * 4)));
  std::vector<Buffer> weights;
  std::vector<std::unique_ptr<const glossa::backend::PackedWeight>> packed;
  for (std::size_t copy = 0; copy < copies; ++copy) weights.emplace_back(outputs, inputs);
  for (Buffer& weight : weights) packed.push_back(backend->pack(weight.view()));
  Buffer x(rows, inputs);
  Buffer y(rows, outputs);
  std::size_t next = 0;
  for (auto _ : state) {
    backend->linear(x.view(), *packed[next], {}, y.view());
    next = (next + 1) % copies;
  }
  const auto iterations = static_cast<double>(state.iterations());
  const auto weights_read = static_cast<double>(outputs * inputs) * iterations;
  state.counters["GB/s"] = benchmark::Counter(weights_read * 4e-9, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * weights_read * static_cast<double>(rows), benchmark::Counter::kIsRate);
}

BENCHMARK(linear)
    ->ArgNames({"outputs", "inputs", "rows"})
    ->ArgsProduct({{4096}, {1024}, {1, 4, 14, 56, 128}})
    ->ArgsProduct({{1024}, {4096}, {1, 4, 14, 56, 128}})
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
