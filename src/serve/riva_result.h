// What was recognised, as Riva's clients read it.
#pragma once

#include "serve/riva_request.h"
#include "serve/utterances.h"

namespace nvidia::riva::asr {
class RivaSpeechRecognitionConfigResponse;
class SpeechRecognitionResult;
class StreamingRecognitionResult;
}  // namespace nvidia::riva::asr

namespace glossa::serve {

// Where a result belongs.
struct RivaPlace {
  int channel = 1;             // from 1
  double audio_processed = 0;  // seconds of sound decoded so far
};

// Transcripts end in a space, as Riva's do: clients put one after the other. What has no text without
// punctuation gives false, and nothing to send. Alternatives behind the first have a transcript alone: the
// search knows neither their words nor their language.
bool write_final(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                 nvidia::riva::asr::StreamingRecognitionResult& result);
bool write_final(const Utterance& utterance, const RivaRequest& request, const RivaPlace& place,
                 nvidia::riva::asr::SpeechRecognitionResult& result);

// The same of what is open, its draft included. An interim result that was withdrawn is one without text.
bool write_interim(const UtteranceUpdate& heard, const RivaRequest& request, const RivaPlace& place,
                   nvidia::riva::asr::StreamingRecognitionResult& result);

// The answer to what the server can do.
void write_model_config(const ModelInfo& model,
                        nvidia::riva::asr::RivaSpeechRecognitionConfigResponse& response);

}  // namespace glossa::serve
