// What holds for every live stream of the server, whatever protocol it comes by.
#pragma once

namespace glossa::serve {

struct LiveOptions {
  double silence = 1.0;      // seconds that end an utterance unless the client says otherwise; 0: none do
  double idle_seconds = 60;  // without sound (Riva: a message), after which an open stream is ended; 0: never
};

}  // namespace glossa::serve
