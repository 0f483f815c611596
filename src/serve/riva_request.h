// What a Riva client asks for, as options of a session; what glossa cannot do is refused by name, and names
// it does not know are passed over.
#pragma once

#include <string>

#include "glossa/error.hpp"
#include "glossa/types.hpp"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"

namespace nvidia::riva::asr {
class RecognitionConfig;
}

namespace glossa::serve {

// What the client says its bytes are; their beginning may tell better.
enum class RivaEncoding { kSamples, kFile, kUnspecified };

struct RivaRequest {
  SessionOptions session;
  RivaEncoding encoding = RivaEncoding::kSamples;
  RawFormat sound;           // of samples without a header
  bool separate = false;     // a session for every channel
  bool word_times = false;   // final results list their words
  bool punctuation = false;  // and capitals
  int alternatives = 1;      // of a final result at most
  std::string language;      // as asked for; empty when the model finds it
};

// There is no such latency, where one stands in the place of a model.
class UnknownModel : public Error {
 public:
  explicit UnknownModel(const std::string& message) : Error(ErrorCode::kInvalidArgument, message) {}
};

// `silence`: seconds that end an utterance when the client does not say. Error kInvalidArgument names the
// field, what was expected and what came; UnknownModel. Whether the language exists is found out by
// Scheduler::open().
RivaRequest read_riva_config(const nvidia::riva::asr::RecognitionConfig& config, const ModelInfo& model,
                             Kind kind, double silence);

}  // namespace glossa::serve
