// The JSON of session.update and transcription_session.update. By the first byte: which. An Error, or
// settings that can be described.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "fuzz_model.h"
#include "glossa/error.hpp"
#include "serve/realtime_settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace glossa::serve;
  if (size == 0) return 0;
  const nlohmann::json session =
      nlohmann::json::parse(data + 1, data + size, nullptr, /*allow_exceptions=*/false);
  if (session.is_discarded()) return 0;
  const glossa::ModelInfo& model = fuzz::model();
  try {
    const RealtimeSettings settings = data[0] == 't'
                                          ? read_transcription_session_update(session, model, {}, 1.0)
                                          : read_session_update(session, model, {}, 1.0);
    describe_session(settings, model).dump();
    fuzz::check(settings.session, settings.sound);
  } catch (const glossa::Error& error) {
    nlohmann::json(error.what()).dump();  // throws when it is not UTF-8
  }
  return 0;
}
