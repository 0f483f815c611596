#include "bench/machine.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "backend/cpu/kernel_selection.h"
#include "bench/statistics.h"
#include "glossa/error.hpp"

namespace glossa::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Lap {
  Clock::time_point begin;
  Clock::time_point end;

  double seconds() const { return std::chrono::duration<double>(end - begin).count(); }
};

// Keeps the calling thread on one of the cores it may use. The system starts new threads where their parent
// runs and moves them apart milliseconds later: a measurement of a few milliseconds would be of one core.
void stay_on_core(int index) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  index %= std::max(1, CPU_COUNT(&allowed));
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// Threads meet without sleeping: on a shared machine a sleeping core takes milliseconds to come back.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}
  // False when the meeting was called off.
  bool arrive_and_wait(int round) {
    arrived_.fetch_add(1, std::memory_order_acq_rel);
    while (arrived_.load(std::memory_order_acquire) < threads_ * (round + 1)) {
      if (called_off_.load(std::memory_order_relaxed)) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void call_off() { called_off_.store(true, std::memory_order_relaxed); }

 private:
  int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<bool> called_off_{false};
};

// Laps by round, of each thread one: all threads run `work(thread, round)`, beginning each round together.
// Rounds are to take a few milliseconds: short enough that some are not interrupted on a busy machine.
std::vector<std::vector<Lap>> run_rounds(int threads, int rounds, const std::function<void(int, int)>& work) {
  std::vector<std::vector<Lap>> laps(static_cast<std::size_t>(rounds),
                                     std::vector<Lap>(static_cast<std::size_t>(threads)));
  Meeting together(threads);
  std::vector<std::jthread> workers;
  const auto start = [&](int thread) {
    workers.emplace_back([&, thread] {
      stay_on_core(thread);
      for (int round = 0; round < rounds; ++round) {
        if (!together.arrive_and_wait(round)) return;
        Lap& lap = laps[static_cast<std::size_t>(round)][static_cast<std::size_t>(thread)];
        lap.begin = Clock::now();
        work(thread, round);
        lap.end = Clock::now();
      }
    });
  };
  try {
    for (int thread = 0; thread < threads; ++thread) start(thread);
  } catch (const std::system_error& error) {
    together.call_off();
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} threads cannot be had: {}", threads, error.what()));
  }
  workers.clear();
  return laps;
}

// Threads share the memory, so what counts is a round of all of them together: one that a tenth of the rounds
// are not slower than. The fastest of all would be a moment's luck with the neighbours.
double seconds_together(const std::vector<Lap>& round) {
  Lap whole = round.front();
  for (const Lap& lap : round) {
    whole.begin = std::min(whole.begin, lap.begin);
    whole.end = std::max(whole.end, lap.end);
  }
  return whole.seconds();
}

double fast_round(const std::vector<std::vector<Lap>>& laps) {
  std::vector<double> seconds;
  for (const std::vector<Lap>& round : laps) seconds.push_back(seconds_together(round));
  return percentile(seconds, 10);
}

// Memory much larger than the caches, in slices that are read one per round.
constexpr std::size_t kSliceBytes = 32 << 20;
constexpr int kMostSlices = 8;           // of a thread
constexpr int kMostSlicesTogether = 64;  // 2 GiB
constexpr int kReadRounds = 192;
constexpr std::int64_t kInputs = 1024;

// Matrix kernels with one row are the best readers there are: they load each weight once and do little else.
class Reader {
 public:
  Reader(const backend::KernelTable& kernels, int threads)
      : kernels_(kernels),
        slices_(std::clamp(kMostSlicesTogether / threads, 1, kMostSlices)),
        memory_(static_cast<std::size_t>(threads)) {
    for (auto& block : memory_)
      block.assign(static_cast<std::size_t>(slices_) * kSliceBytes / sizeof(float), 1.0f);
  }

  void read_f32(int thread, int round) const {
    const std::vector<float> x(kInputs, 1.0f);
    std::vector<float> y(kSliceBytes / sizeof(float) / kInputs);
    kernels_.matmul_f32(x.data(), kInputs, 1, slice_of(thread, round), kInputs,
                        static_cast<std::int64_t>(y.size()), kInputs, y.data(), 1);
  }

  void read_int8(int thread, int round) const {
    constexpr std::int64_t kBlocks = kInputs / backend::kBlock;
    constexpr std::size_t kPanelBytes = backend::kPanel * (kInputs + sizeof(float));
    const std::vector<std::int8_t> values(kInputs, 1);
    constexpr float kScale = 1;
    constexpr std::int32_t kTotal = kInputs;
    const backend::Int8Rows x{.values = values.data(),
                              .stride = kInputs,
                              .scales = &kScale,
                              .totals = &kTotal,
                              .rows = 1,
                              .blocks = kBlocks};
    const auto* panels = reinterpret_cast<const std::uint8_t*>(slice_of(thread, round));
    float y[backend::kPanel];
    for (std::size_t at = 0; at + kPanelBytes <= kSliceBytes; at += kPanelBytes)
      kernels_.matmul_int8(x, panels + at, y, backend::kPanel);
  }

 private:
  const float* slice_of(int thread, int round) const {
    return memory_[static_cast<std::size_t>(thread)].data() +
           static_cast<std::size_t>(round % slices_) * (kSliceBytes / sizeof(float));
  }

  const backend::KernelTable& kernels_;
  int slices_;
  std::vector<std::vector<float>> memory_;
};

// Which reader is the faster one differs from machine to machine.
double read_bandwidth(const backend::KernelTable& kernels, int threads) {
  const Reader reader(kernels, threads);
  const auto seconds_of = [&](void (Reader::*read)(int, int) const) {
    return fast_round(
        run_rounds(threads, kReadRounds, [&](int thread, int round) { (reader.*read)(thread, round); }));
  };
  const double seconds = std::min(seconds_of(&Reader::read_f32), seconds_of(&Reader::read_int8));
  return static_cast<double>(threads) * kSliceBytes / seconds / 1e9;
}

// Threads share nothing: the sum of each one's fastest round.
double peak_gop_per_s(double (*peak)(std::int64_t iterations), int threads) {
  constexpr std::int64_t kIterations = 200'000;
  constexpr int kRounds = 150;
  std::vector<double> operations(static_cast<std::size_t>(threads));
  const auto laps = run_rounds(threads, kRounds, [&](int thread, int) {
    operations[static_cast<std::size_t>(thread)] = peak(kIterations);
  });
  double sum = 0;
  for (std::size_t thread = 0; thread < operations.size(); ++thread) {
    double fastest = 1e9;
    for (const std::vector<Lap>& round : laps) fastest = std::min(fastest, round[thread].seconds());
    sum += operations[thread] / fastest / 1e9;
  }
  return sum;
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

class ReadProbe::Impl {
 public:
  explicit Impl(int threads)
      : threads_(threads), kernels_(backend::select_kernels().table), reader_(kernels_, threads) {}

  double gb_per_s() {
    const int slice = next_++;
    const auto laps = run_rounds(threads_, 1, [&](int thread, int) { reader_.read_int8(thread, slice); });
    return static_cast<double>(threads_) * kSliceBytes / seconds_together(laps.front()) / 1e9;
  }

 private:
  int threads_;
  backend::KernelTable kernels_;
  Reader reader_;
  int next_ = 0;
};

ReadProbe::ReadProbe(int threads) : impl_(std::make_unique<Impl>(threads)) {}
ReadProbe::~ReadProbe() = default;
double ReadProbe::gb_per_s() { return impl_->gb_per_s(); }

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
