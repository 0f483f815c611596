// A whole GGUF file: an Error or a checkpoint whose tensors can all be read, and whose made-up configuration
// is one that NeMo's files could have.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/config_parser.h"
#include "checkpoint/gguf_reader.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  std::shared_ptr<const glossa::checkpoint::Checkpoint> checkpoint;
  try {
    checkpoint = glossa::checkpoint::read_gguf_bytes(bytes, nullptr, "fuzz");
  } catch (const glossa::Error&) {
    return 0;
  }
  for (const auto& tensor : checkpoint->tensors()) tensor.to_f32();
  const auto parsed =
      glossa::checkpoint::parse_config(checkpoint->config_yaml(), "fuzz");  // no Error from here on
  if (parsed.config.encoder.att_contexts != checkpoint->config().encoder.att_contexts) std::abort();
  if (parsed.config.features.window != checkpoint->config().features.window) std::abort();
  if (parsed.config.features.hop != checkpoint->config().features.hop) std::abort();
  if (parsed.config.prompt.dictionary != checkpoint->config().prompt.dictionary) std::abort();
  glossa::checkpoint::parse_config_extras(checkpoint->config_yaml(), "fuzz");
  return 0;
}
