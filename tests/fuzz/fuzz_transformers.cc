// A folder of transformers in one piece of bytes: the texts of its files, each before "\n====\n", then the
// weights. An Error or a checkpoint whose tensors can all be read, and whose made-up configuration is one
// that NeMo's files could have.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "checkpoint/config_parser.h"
#include "checkpoint/transformers_folder.h"
#include "checkpoint/transformers_layout.h"
#include "glossa/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace glossa::checkpoint;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  TransformersFolder folder;
  folder.source = "fuzz";
  for (const char* file :
       {kConfigFile, kProcessorFile, kPreprocessorFile, kTokenizerFile, kSentencePieceFile}) {
    constexpr std::string_view kEnd = "\n====\n";
    const std::size_t end = rest.find(kEnd);
    if (end == std::string_view::npos) return 0;
    if (end > 0) folder.texts.emplace(file, rest.substr(0, end));
    rest.remove_prefix(end + kEnd.size());
  }
  folder.weights = std::as_bytes(std::span(rest));
  std::shared_ptr<const Checkpoint> checkpoint;
  try {
    checkpoint = read_transformers_folder(std::move(folder));
  } catch (const glossa::Error&) {
    return 0;
  }
  for (const auto& tensor : checkpoint->tensors()) tensor.to_f32();
  const auto parsed = parse_config(checkpoint->config_yaml(), "fuzz");  // no Error from here on
  if (parsed.config.encoder.att_contexts != checkpoint->config().encoder.att_contexts) std::abort();
  if (parsed.config.features.window != checkpoint->config().features.window) std::abort();
  if (parsed.config.features.hop != checkpoint->config().features.hop) std::abort();
  if (parsed.config.prompt.dictionary != checkpoint->config().prompt.dictionary) std::abort();
  parse_config_extras(checkpoint->config_yaml(), "fuzz");
  return 0;
}
