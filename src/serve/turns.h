// A speaker's turns in what is heard of one stream: a turn is all that is said between two pauses.
#pragma once

#include "serve/scheduler.h"
#include "serve/utterances.h"

namespace glossa::serve {

// On the clock of the sound. Hears the utterances of one update after the other in their order, the open
// one last (of what is not settled it hears nothing: those words may never have been said):
//
//   if (turns.is_over_before(utterance)) turns.end();
//   if (turns.begins_with(utterance)) ...
//   ...
//   if (turns.is_over(update)) turns.end();
//
// Not thread-safe.
class Turns {
 public:
  // Seconds that are a pause; 0: none is, and only the client and the stream's end end a turn.
  explicit Turns(double silence) : silence_(silence) {}

  // There was a pause before it, too short to have been an update of its own.
  bool is_over_before(const Utterance& next) const;

  // Hears it; true when a turn begins with it.
  bool begins_with(const Utterance& utterance);

  // All of the update was heard: the speaker has paused since the last word, or what is there is all.
  bool is_over(const SessionUpdate& update) const;

  void end() { is_open_ = false; }

  bool is_open() const { return is_open_; }
  double last_word_end() const { return last_word_end_; }  // seconds; 0: there was none

 private:
  bool is_pause(double seconds) const { return silence_ > 0 && seconds >= silence_; }

  double silence_;
  double last_word_end_ = 0;
  bool is_open_ = false;
};

// Seconds of sound, from the stream's beginning, of which all words are settled.
double settled_until(const SessionUpdate& update);

}  // namespace glossa::serve
