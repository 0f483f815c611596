// What a client of /v1/listen asks for in its query: Deepgram's names, as options of a session.
#pragma once

#include "glossa/types.hpp"
#include "serve/http.h"
#include "serve/scheduler.h"
#include "serve/sound_reader.h"

namespace glossa::serve {

struct ListenSettings {
  SessionOptions session;
  RawFormat sound;        // of samples without a header; rate 0: not given (a file alone)
  bool separate = false;  // multichannel: a session for every channel of the stream or the file
  bool interim_results = false;
  bool punctuation = false;     // punctuate, smart_format or dictation: and capitals
  bool speech_started = false;  // vad_events
  double utterance_end = 0;     // utterance_end_ms, in seconds; 0: UtteranceEnd is not sent
  bool utterances = false;      // of a file: its utterances are listed, too
};

// `silence`: seconds that end an utterance when the client does not say. Names that mean nothing here (model,
// version, tag, ...) are passed over; what would change the text and cannot be done (diarize, redact, ...) is
// refused. Error kInvalidArgument names the parameter, what was expected and what came. Whether the language
// exists is found out by Recognizer::create_stream().
ListenSettings read_listen_query(const Fields& query, const ModelInfo& model, Kind kind, double silence);

}  // namespace glossa::serve
