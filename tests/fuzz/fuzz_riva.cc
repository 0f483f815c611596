// Riva's RecognitionConfig as it comes over the wire. By the first byte: of a live stream or of a file. An
// Error, or options of a session.
#include <cstdint>

#include "fuzz_model.h"
#include "glossa/error.hpp"
#include "serve/proto/riva_asr.pb.h"
#include "serve/riva_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace glossa::serve;
  if (size == 0) return 0;
  nvidia::riva::asr::RecognitionConfig config;
  if (!config.ParseFromArray(data + 1, static_cast<int>(size - 1))) return 0;
  const Kind kind = data[0] == 'f' ? Kind::kFile : Kind::kLive;
  try {
    const RivaRequest request = read_riva_config(config, fuzz::model(), kind, 1.0);
    // The format of samples says nothing about a file with a header.
    if (request.encoding != RivaEncoding::kFile) fuzz::check(request.session, request.sound);
  } catch (const glossa::Error&) {
  }
  return 0;
}
