// What `glossa bench` says: tables as figures become ready, or one JSON document at the end.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/chunk_latency.h"
#include "bench/live_streams.h"
#include "bench/machine.h"
#include "bench/memory_use.h"
#include "bench/offline.h"
#include "bench/stage_profile.h"
#include "bench/start_up.h"
#include "cli/bench_table.h"
#include "engine/stage_clock.h"
#include "glossa/types.hpp"

namespace glossa::cli {

class BenchReport {
 public:
  explicit BenchReport(bool json);

  void add_machine(const bench::MachineCeiling& machine);
  void add_model(const std::filesystem::path& path, const ModelInfo& info, const engine::StepCost& cost);
  void add_sound(const std::string& name, double seconds);
  void add(const bench::ChunkLatency& chunk);
  void add(const bench::LiveStreams& live);
  void add(const bench::Offline& offline);
  void add(const bench::StageProfile& profile);
  // `context`: of the first chunk. `floor_seconds`: one reading of the weights.
  void add(const std::vector<bench::StartUp>& starts, AttContext context, double floor_seconds);
  void add(const bench::MemoryUse& memory, AttContext context, double weight_bytes);

  // Prints the document, if that is what was asked for.
  void finish();

 private:
  void print(BenchTable& table, const std::vector<std::string>& line) const;

  bool json_;
  nlohmann::ordered_json document_ = nlohmann::ordered_json::object();
  nlohmann::ordered_json sections_ = nlohmann::ordered_json::object();
  BenchTable chunk_table_;
  BenchTable live_table_;
  BenchTable offline_table_;
  BenchTable stage_table_;
};

}  // namespace glossa::cli
