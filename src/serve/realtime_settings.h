// What a client of /v1/realtime asks for, in any of its dialects.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "glossa/types.hpp"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"

namespace glossa::serve {

enum class Dialect {
  kCaptions,  // session.update without a type: NeMo-Speech.cpp's dialect, and the page's. commit ends the
              // stream
  kOpenAi,    // session.update of type transcription. commit ends an item
  kRiva,  // transcription_session.update with input_audio_params. commit means nothing, done ends the stream
};

struct RealtimeSettings {
  Dialect dialect = Dialect::kCaptions;
  SessionOptions session;
  RawFormat sound{SampleFormat::kSigned16, 16000, 1};
  bool detects_turns = true;  // utterances end by themselves
  bool logprobs = false;      // are told with the text
  bool beta = false;          // OpenAI's dialect in its older form: transcription_session.update
};

// Before the first update. `silence`: the server's own.
RealtimeSettings opening_settings(Dialect dialect, double silence);

// Of the object "session" in an update. What it does not name stays as in `current`, when that has the same
// dialect. `silence`: the server's own. Error kInvalidArgument names the field, what was expected and what
// came.
RealtimeSettings read_session_update(const nlohmann::json& session, const ModelInfo& model,
                                     const RealtimeSettings& current, double silence);
RealtimeSettings read_transcription_session_update(const nlohmann::json& session, const ModelInfo& model,
                                                   const RealtimeSettings& current, double silence);

// The settings in force, in the dialect's own words.
nlohmann::json describe_session(const RealtimeSettings& settings, const ModelInfo& model);

}  // namespace glossa::serve
