// A model_config.yaml: an Error or a valid configuration, of which everything can be computed.
#include <cstdint>

#include "checkpoint/checkpoint.h"
#include "glossa/error.hpp"
#include "model/streaming_geometry.h"
#include "model/tensor_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string yaml(reinterpret_cast<const char*>(data), size);
  try {
    const auto config = glossa::checkpoint::parse_model_config(yaml, "fuzz");
    for (const auto& spec : glossa::model::tensor_specs(config)) spec.elements();
    for (const auto context : config.encoder.att_contexts) {
      glossa::model::streaming_geometry(config, context, glossa::StreamingMode::kNemoBuffer);
    }
  } catch (const glossa::Error&) {
  }
  return 0;
}
