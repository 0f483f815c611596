// Real-time factor of every latency setting at 1, 2 and 8 streams, beside the floor of this machine.
//
//   build/dev/bin/realtime_factor MODEL.nemo [seconds of audio per stream, default 4] [threads, default all
//   cores]
//
// Each stream is fed noise; all streams of a run have the same setting and step together. The floor of a
// chunk is the larger of (weight bytes / read bandwidth) and (operations / f32 peak), both measured in the
// same run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "glossa/recognizer.hpp"
#include "machine.h"
#include "model/tensor_spec.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

std::vector<float> noise(double seconds) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> pcm(static_cast<std::size_t>(seconds * 16000));
  for (float& sample : pcm) sample = normal(random);
  return pcm;
}

// Weights that every encoder frame is multiplied with: all matrices but the joint's output, the predictor and
// the relative positions, which are computed once.
double weights_per_frame(const glossa::model::ModelConfig& config) {
  double weights = 0;
  for (const auto& spec : glossa::model::tensor_specs(config)) {
    const bool per_label = spec.name.starts_with("decoder.") || spec.name.starts_with("joint.joint_net") ||
                           spec.name.starts_with("joint.pred");
    const bool is_conv_image = spec.name.starts_with("encoder.pre_encode.conv");
    if (spec.quantizable && !per_label && !is_conv_image &&
        spec.name.find("linear_pos") == std::string::npos) {
      weights += static_cast<double>(spec.elements());
    }
  }
  return weights;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: realtime_factor MODEL.nemo [seconds] [threads]\n");
    return 2;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 4.0;
  const int threads = argc > 3 ? std::atoi(argv[3]) : static_cast<int>(std::thread::hardware_concurrency());
  try {
    const glossa::bench::MachineCeiling machine = glossa::bench::measure_machine(threads);
    const auto load_start = Clock::now();
    const std::string format = argc > 4 ? argv[4] : "f32";
    const auto wf = format == "int8"   ? glossa::WeightFormat::kInt8
                    : format == "int4" ? glossa::WeightFormat::kInt4
                    : format == "bf16" ? glossa::WeightFormat::kBF16
                                       : glossa::WeightFormat::kF32;
    const auto recognizer = glossa::Recognizer::load(
        {.model = argv[1], .threads = threads, .weights = wf, .cache_packed_weights = true});
    const double load_seconds = seconds_since(load_start);
    const auto config = glossa::checkpoint::read_nemo(argv[1])->config();
    const double weights = weights_per_frame(config);
    const double bytes = format == "int8" ? 1 : format == "int4" ? 0.5625 : format == "bf16" ? 2 : 4;
    fmt::print("machine: {} threads, read {:.1f} GB/s, f32 {:.0f} GFLOP/s int8 {:.0f} GOP/s; backend {}\n",
               threads, machine.read_gb_per_s, machine.f32_gflop_per_s, machine.int8_gop_per_s,
               recognizer->info().backend);
    fmt::print("model: {:.1f} M parameters, {:.1f} M weights per encoder frame; load {:.2f} s\n",
               static_cast<double>(recognizer->info().parameters) / 1e6, weights / 1e6, load_seconds);
    const std::vector<float> pcm = noise(seconds);
    {
      const auto stream = recognizer->create_stream({.att_context = glossa::AttContext{56, 0}});
      stream->accept_waveform(pcm);
      glossa::Stream* first[] = {stream.get()};
      const auto start = Clock::now();
      recognizer->decode(first);
      fmt::print("first chunk of the process, pages of the file not mapped yet: {:.0f} ms\n",
                 seconds_since(start) * 1e3);
    }
    fmt::print("{:>8} {:>8} {:>10} {:>12} {:>12} {:>8} {:>8} {:>12}\n", "setting", "streams", "chunk ms",
               "ms per step", "floor ms", "x floor", "RTF", "resident MB");
    for (const int right : {0, 1, 3, 6, 13}) {
      for (const int count : {1, 2, 8}) {
        std::vector<std::unique_ptr<glossa::Stream>> streams;
        std::vector<glossa::Stream*> batch;
        for (int index = 0; index < count; ++index) {
          streams.push_back(recognizer->create_stream({.att_context = glossa::AttContext{56, right}}));
          streams.back()->accept_waveform(pcm);
          batch.push_back(streams.back().get());
        }
        recognizer->decode(batch);  // the first chunk warms buffers up and is shorter: not counted
        std::vector<double> steps;
        while (batch.front()->is_ready()) {
          const auto start = Clock::now();
          recognizer->decode(batch);
          steps.push_back(seconds_since(start));
        }
        std::sort(steps.begin(), steps.end());
        const double median = steps.empty() ? 0 : steps[steps.size() / 2];
        const double chunk = (right + 1) * recognizer->info().frame_seconds;
        const double rows = static_cast<double>(count) * (right + 1);
        const double floor = std::max(
            weights * bytes / (machine.read_gb_per_s * 1e9),
            2 * weights * rows / ((bytes < 2 ? machine.int8_gop_per_s : machine.f32_gflop_per_s) * 1e9));
        fmt::print("{:>8} {:>8} {:>10.0f} {:>12.1f} {:>12.1f} {:>8.2f} {:>8.3f} {:>12.0f}\n",
                   fmt::format("[56,{}]", right), count, chunk * 1e3, median * 1e3, floor * 1e3,
                   median / floor, median / chunk, resident_megabytes());
        std::fflush(stdout);
      }
    }
  } catch (const glossa::Error& error) {
    std::fprintf(stderr, "realtime_factor: %s\n", error.what());
    return 3;
  }
  return 0;
}
