// The linear layers of the 600M geometry at several row counts: in every weight format: bytes of weights and
// operations per second.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "backend/backend.h"

namespace {

using glossa::backend::Buffer;

// outputs, inputs, rows, format. Enough copies of the weight to defeat the caches.
void linear(benchmark::State& state) {
  const std::int64_t outputs = state.range(0);
  const std::int64_t inputs = state.range(1);
  const std::int64_t rows = state.range(2);
  const auto backend = glossa::backend::make_backend("cpu", 0);
  const auto copies = static_cast<std::size_t>(std::max<std::int64_t>(1, (256 << 20) / (outputs * inputs)));
  std::vector<Buffer> weights;
  std::vector<std::unique_ptr<const glossa::backend::PackedWeight>> packed;
  const auto format = static_cast<glossa::WeightFormat>(state.range(3));
  for (std::size_t copy = 0; copy < copies; ++copy) {
    weights.emplace_back(outputs, inputs);
    packed.push_back(backend->pack(weights.back().view(), format));
    if (format != glossa::WeightFormat::kF32) weights.clear();
  }
  const double bytes = packed.front()->bytes().empty() ? 4.0 * static_cast<double>(outputs * inputs)
                                                       : static_cast<double>(packed.front()->bytes().size());
  Buffer x(rows, inputs);
  Buffer y(rows, outputs);
  std::size_t next = 0;
  for (auto _ : state) {
    backend->linear(x.view(), *packed[next], {}, y.view());
    next = (next + 1) % copies;
  }
  const auto iterations = static_cast<double>(state.iterations());
  const double operations = 2.0 * static_cast<double>(outputs * inputs * rows) * iterations;
  state.counters["GB/s"] = benchmark::Counter(bytes * iterations * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GOP/s"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsRate);
}

BENCHMARK(linear)
    ->ArgNames({"outputs", "inputs", "rows", "format"})  // f32, bf16, int8, int4
    ->ArgsProduct({{4096}, {1024}, {1, 4, 14, 56, 128}, {0, 1, 2, 3}})
    ->ArgsProduct({{1024}, {4096}, {1, 4, 14, 56, 128}, {0, 1, 2, 3}})
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
