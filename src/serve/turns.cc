#include "serve/turns.h"

#include <algorithm>
#include <utility>

namespace glossa::serve {

double settled_until(const SessionUpdate& update) { return update.began + update.transcript.settled; }

bool Turns::is_over_before(const Utterance& next) const {
  return is_open_ && is_pause(next.start - last_word_end_);
}

bool Turns::begins_with(const Utterance& utterance) {
  last_word_end_ = std::max(last_word_end_, utterance.end);
  return !std::exchange(is_open_, true);
}

bool Turns::is_over(const SessionUpdate& update) const {
  if (update.utterances.open) return false;
  return update.flushed || update.ended || is_pause(settled_until(update) - last_word_end_);
}

}  // namespace glossa::serve
