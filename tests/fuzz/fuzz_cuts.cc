// By the first byte: a NeMo manifest, a shard pattern, or an input_cfg. An Error, or cuts that a sampler can
// use.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "data/cut_sources.h"
#include "data/json_lines.h"
#include "data/shard_pattern.h"
#include "glossa/error.hpp"

namespace {

using namespace glossa::data;

void read_manifest_text(const std::string& text) {
  SourceOptions options;
  options.on_bad_line = [](const std::string&) {};
  std::istringstream lines(text);
  std::vector<Cut> cuts;
  append_nemo_cuts(lines, "fuzz", "/nonexistent", options, cuts);
  for (const Cut& cut : cuts) {
    if (!std::isfinite(cut.offset) || !std::isfinite(cut.duration) || cut.offset < 0 || cut.duration <= 0)
      std::abort();
  }
}

void expand(const std::string& pattern) {
  for (const std::string& name : expand_shards(pattern)) shard_id(name, "audio");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'm') read_manifest_text(text);
    if (data[0] == 'p') expand(text);
    if (data[0] == 'y') read_input_cfg(text + "\n", "/nonexistent", {});
  } catch (const glossa::Error&) {
  }
  return 0;
}
