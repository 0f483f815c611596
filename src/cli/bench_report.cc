#include "cli/bench_report.h"

#include <fmt/format.h>

#include <utility>

#include "base/number_formats.h"
#include "cli/output_writer.h"
#include "text/json_text.h"

namespace glossa::cli {
namespace {

using nlohmann::ordered_json;

double ms(double seconds) { return 1e3 * seconds; }
double megabytes(double bytes) { return bytes / 1e6; }

std::string number(double value, int digits) { return fmt::format("{:.{}f}", value, digits); }

std::string name_of(AttContext context) { return fmt::format("[{},{}]", context.left, context.right); }

const char* name_of(bench::StartKind kind) {
  switch (kind) {
    case bench::StartKind::kPacking:
      return "packing";
    case bench::StartKind::kCold:
      return "cold";
    case bench::StartKind::kWarm:
      break;
  }
  return "warm";
}

ordered_json to_json(const bench::Summary& seconds) {
  return {{"count", seconds.count},        {"mean", ms(seconds.mean)}, {"p10", ms(seconds.p10)},
          {"p50", ms(seconds.p50)},        {"p95", ms(seconds.p95)},   {"p99", ms(seconds.p99)},
          {"largest", ms(seconds.largest)}};
}

ordered_json to_json(const ProcessMemory& memory) {
  return {{"resident", memory.resident},
          {"anonymous", memory.anonymous},
          {"mapped_files", memory.mapped_files},
          {"proportional", memory.proportional}};
}

std::vector<std::string> stage_columns() {
  std::vector<std::string> columns = {"setting", "streams", "step ms", "idle %"};
  for (std::size_t stage = 0; stage < engine::kStages; ++stage)
    columns.emplace_back(engine::stage_name(static_cast<engine::Stage>(stage)));
  return columns;
}

}  // namespace

BenchReport::BenchReport(bool json)
    : json_(json),
      chunk_table_("Chunk latency: one step of all streams, from sound to transcript",
                   {"setting", "streams", "chunk ms", "p10 ms", "p50 ms", "p95 ms", "p99 ms", "GB/s",
                    "floor ms", "x floor", "RTF", "tokens/s"}),
      live_table_(
          "Live streams: sound arrives in real time, 95 of 100 chunks are decoded within a chunk's length",
          {"setting", "streams", "holds", "ceiling", "/ ceiling", "chunk ms", "p50 ms", "p95 ms", "p99 ms",
           "tokens/s"}),
      offline_table_("Offline: one long recording",
                     {"setting", "sound s", "seconds", "floor s", "x floor", "x real time", "tokens/s"}),
      stage_table_("Stages of a step: ms (% of the step); idle: % of all threads' time", stage_columns()) {
  document_["version"] = GLOSSA_VERSION;
}

void BenchReport::print(BenchTable& table, const std::vector<std::string>& line) const {
  if (!json_) table.print(line);
}

void BenchReport::add_machine(const bench::MachineCeiling& machine) {
  document_["machine"] = {{"processor", machine.processor},
                          {"cores", machine.cores},
                          {"threads", machine.threads},
                          {"kernels", machine.kernels},
                          {"read_gb_per_s", machine.read_gb_per_s},
                          {"int8_gop_per_s", machine.int8_gop_per_s},
                          {"f32_gflop_per_s", machine.f32_gflop_per_s}};
  if (json_) return;
  print_to_stdout(fmt::format(
      "machine: {}, {} threads on {} cores: read {:.1f} GB/s, int8 {:.0f} GOP/s, f32 {:.0f} GFLOP/s; kernels "
      "{}\n",
      machine.processor, machine.threads, machine.cores, machine.read_gb_per_s, machine.int8_gop_per_s,
      machine.f32_gflop_per_s, machine.kernels));
}

void BenchReport::add_model(const std::filesystem::path& path, const ModelInfo& info,
                            const engine::StepCost& cost) {
  const auto parameters = static_cast<double>(info.parameters);
  document_["model"] = {{"path", path.string()},
                        {"name", info.name},
                        {"parameters", info.parameters},
                        {"weights", glossa::name_of(info.weights)},
                        {"kv_cache", glossa::name_of(info.kv_cache)},
                        {"backend", info.backend},
                        {"weight_bytes_per_step", cost.weight_bytes},
                        {"multiply_adds_per_frame", cost.multiply_adds_per_frame}};
  if (json_) return;
  print_to_stdout(fmt::format(
      "model:   {}, {:.1f} M parameters, weights {}, kv-cache {}: a step reads {:.1f} MB, a frame "
      "takes {:.1f} M multiply-adds; {}\n",
      info.name, parameters / 1e6, glossa::name_of(info.weights), glossa::name_of(info.kv_cache),
      megabytes(cost.weight_bytes), cost.multiply_adds_per_frame / 1e6, info.backend));
}

void BenchReport::add_sound(const std::string& name, double seconds) {
  document_["sound"] = {{"name", name}, {"seconds", seconds}};
  if (!json_) print_to_stdout(fmt::format("sound:   {}, {:.1f} s, repeated\n", name, seconds));
}

void BenchReport::add(const bench::ChunkLatency& chunk) {
  sections_["chunk"].push_back({{"setting", chunk.setting.name()},
                                {"streams", chunk.streams},
                                {"frames_per_step", chunk.frames},
                                {"chunk_ms", ms(chunk.chunk_seconds)},
                                {"latency_ms", to_json(chunk.seconds)},
                                {"read_gb_per_s", chunk.read_gb_per_s},
                                {"floor_ms", ms(chunk.floor_seconds)},
                                {"floor_ratio", chunk.floor_ratio()},
                                {"real_time_factor", chunk.real_time_factor()},
                                {"tokens_per_second", chunk.tokens_per_second}});
  print(chunk_table_,
        {chunk.setting.name(), fmt::format("{}", chunk.streams), number(ms(chunk.chunk_seconds), 0),
         number(ms(chunk.seconds.p10), 2), number(ms(chunk.seconds.p50), 2), number(ms(chunk.seconds.p95), 2),
         number(ms(chunk.seconds.p99), 2), number(chunk.read_gb_per_s, 1), number(ms(chunk.floor_seconds), 2),
         number(chunk.floor_ratio(), 2), number(chunk.real_time_factor(), 3),
         number(chunk.tokens_per_second, 1)});
}

void BenchReport::add(const bench::LiveStreams& live) {
  const bench::LiveRun& run = live.run;
  const bool has_ceiling = live.ceiling > 0;
  sections_["live"].push_back(
      {{"setting", live.setting.name()},
       {"streams", run.streams},
       {"holds", run.holds()},
       {"streams_held", live.streams_held()},
       {"ceiling_streams", live.ceiling},
       {"ceiling_ratio",
        has_ceiling ? ordered_json(live.streams_held() / live.ceiling) : ordered_json(nullptr)},
       {"chunk_ms", ms(live.chunk_seconds)},
       {"latency_ms", to_json(run.latency_seconds)},
       {"p95_of_chunk", run.p95_of_chunk},
       {"backlog_of_chunk", run.backlog_of_chunk},
       {"measured_seconds", run.seconds},
       {"tokens_per_second", live.tokens_per_second}});
  print(live_table_,
        {live.setting.name(), fmt::format("{}", run.streams), run.holds() ? "yes" : "no",
         number(live.ceiling, 0), has_ceiling ? number(live.streams_held() / live.ceiling, 2) : "-",
         number(ms(live.chunk_seconds), 0), number(ms(run.latency_seconds.p50), 1),
         number(ms(run.latency_seconds.p95), 1), number(ms(run.latency_seconds.p99), 1),
         number(live.tokens_per_second, 1)});
}

void BenchReport::add(const bench::Offline& offline) {
  sections_["offline"].push_back({{"setting", name_of(offline.context)},
                                  {"sound_seconds", offline.sound_seconds},
                                  {"seconds", offline.seconds},
                                  {"floor_seconds", offline.floor_seconds},
                                  {"floor_ratio", offline.floor_ratio()},
                                  {"times_real_time", offline.speed()},
                                  {"tokens_per_second", offline.tokens_per_second}});
  print(offline_table_,
        {name_of(offline.context), number(offline.sound_seconds, 1), number(offline.seconds, 3),
         number(offline.floor_seconds, 3), number(offline.floor_ratio(), 2), number(offline.speed(), 1),
         number(offline.tokens_per_second, 1)});
}

void BenchReport::add(const bench::StageProfile& profile) {
  ordered_json stages = ordered_json::object();
  std::vector<std::string> line = {profile.setting.name(), fmt::format("{}", profile.streams),
                                   number(ms(profile.step_seconds()), 2),
                                   number(100 * profile.idle_share, 0)};
  for (std::size_t index = 0; index < engine::kStages; ++index) {
    const auto stage = static_cast<engine::Stage>(index);
    stages[std::string(engine::stage_name(stage))] = {{"ms", ms(profile.stage_seconds(stage))},
                                                      {"share", profile.stage_share(stage)}};
    line.push_back(
        fmt::format("{:.2f} ({:.0f})", ms(profile.stage_seconds(stage)), 100 * profile.stage_share(stage)));
  }
  print(stage_table_, line);
  sections_["stages"].push_back({{"setting", profile.setting.name()},
                                 {"streams", profile.streams},
                                 {"steps", profile.steps},
                                 {"step_ms", ms(profile.step_seconds())},
                                 {"idle_share", profile.idle_share},
                                 {"stages", stages}});
}

void BenchReport::add(const std::vector<bench::StartUp>& starts, AttContext context, double floor_seconds) {
  BenchTable table(fmt::format("Start: seconds from exec, chunks of {}; floor: the weights are read once",
                               name_of(context)),
                   {"start", "in cache %", "load s", "first chunk s", "first token s", "floor s", "x floor"});
  sections_["start"] = ordered_json::array();
  for (const bench::StartUp& start : starts) {
    const bool token = start.first_token_seconds >= 0;
    const double ratio = start.first_chunk_seconds / floor_seconds;
    sections_["start"].push_back(
        {{"kind", name_of(start.kind)},
         {"setting", name_of(context)},
         {"cached_share", start.cached_share},
         {"begin_seconds", start.begin_seconds},
         {"load_seconds", start.load_seconds},
         {"first_chunk_seconds", start.first_chunk_seconds},
         {"first_token_seconds", token ? ordered_json(start.first_token_seconds) : ordered_json(nullptr)},
         {"floor_seconds", floor_seconds},
         {"floor_ratio", ratio}});
    print(table, {name_of(start.kind), number(100 * start.cached_share, 0), number(start.load_seconds, 3),
                  number(start.first_chunk_seconds, 3), token ? number(start.first_token_seconds, 3) : "none",
                  number(floor_seconds, 4), number(ratio, 1)});
  }
}

void BenchReport::add(const bench::MemoryUse& memory, AttContext context, double weight_bytes) {
  const double ratio = memory.one_stream.resident / weight_bytes;
  sections_["memory"] = {{"setting", name_of(context)},
                         {"loaded_bytes", to_json(memory.loaded)},
                         {"one_stream_bytes", to_json(memory.one_stream)},
                         {"further_streams", memory.further_streams},
                         {"bytes_per_further_stream", memory.bytes_per_further_stream},
                         {"floor_bytes", weight_bytes},
                         {"floor_ratio", ratio}};
  BenchTable table(fmt::format("Memory, MB: streams of {}; floor: the weights of a step", name_of(context)),
                   {"process", "resident", "anonymous", "files", "PSS", "floor", "x floor"});
  const auto line = [&](const char* name, const ProcessMemory& use) {
    print(table, {name, number(megabytes(use.resident), 1), number(megabytes(use.anonymous), 1),
                  number(megabytes(use.mapped_files), 1), number(megabytes(use.proportional), 1),
                  number(megabytes(weight_bytes), 1), number(use.resident / weight_bytes, 2)});
  };
  line("weights loaded", memory.loaded);
  line("one stream", memory.one_stream);
  print(table, {"further stream", number(megabytes(memory.bytes_per_further_stream), 1), "", "", "", "", ""});
}

void BenchReport::finish() {
  document_["sections"] = std::move(sections_);
  if (json_) print_to_stdout(text::json_text(document_, 2) + "\n");
}

}  // namespace glossa::cli
