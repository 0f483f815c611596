#include "serve/realtime_teller.h"

#include <utility>
#include <vector>

#include "serve/growing_text.h"
#include "serve/logprobs.h"
#include "serve/turns.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr const char* kDelta = "conversation.item.input_audio_transcription.delta";
constexpr const char* kCompleted = "conversation.item.input_audio_transcription.completed";

int milliseconds(double seconds) { return static_cast<int>(seconds * 1000); }

json delta_event(const std::string& item, const std::string& delta) {
  return {{"type", kDelta}, {"item_id", item}, {"content_index", 0}, {"delta", delta}};
}

// One item of OpenAI's dialects.
struct Item {
  std::string id;
  std::string text = {};  // what is final of it
  std::string language = {};
  double seconds = 0;  // of its sound
  GrowingText told = {};
  GrowingLogprobs logprobs = {};
};

// Tells OpenAI's clients the text of items.
class ItemEvents {
 public:
  ItemEvents(std::shared_ptr<RealtimeEvents> events, const RealtimeSettings& settings)
      : events_(std::move(events)), logprobs_(settings.logprobs) {}

  RealtimeEvents& all() { return *events_; }

  // The item's text is `text` now, and `words` are its words that are not final yet.
  void grow(Item& item, const std::string& text, const std::vector<Word>& words, const Transcript& transcript,
            bool is_final) {
    const std::string delta = item.told.delta(text, is_final);
    if (!delta.empty()) {
      json event = delta_event(item.id, delta);
      if (logprobs_) event["logprobs"] = item.logprobs.take(words, transcript, delta);
      events_->send(std::move(event));
    }
    if (!is_final) return;
    item.text = text;
    if (logprobs_) item.logprobs.close(words, transcript);
  }

  void complete(const Item& item) {
    json event = {{"type", kCompleted},        {"item_id", item.id},
                  {"content_index", 0},        {"transcript", item.text},
                  {"language", item.language}, {"usage", {{"type", "duration"}, {"seconds", item.seconds}}}};
    if (logprobs_) event["logprobs"] = item.logprobs.all();
    events_->send(std::move(event));
  }

 private:
  std::shared_ptr<RealtimeEvents> events_;
  bool logprobs_;
};

// Nothing that comes after it would be heard.
void close_after(const SessionUpdate& update, RealtimeEvents& events) {
  events.error(describe_failure(update));
  events.close(update.is_client_error ? close_code::kPolicy : close_code::kInternalError, update.error);
}

// OpenAI's dialects, and the client says where an item ends.
class ItemTeller {
 public:
  ItemTeller(ItemEvents events, std::string item)
      : events_(std::move(events)), item_(Item{.id = std::move(item)}) {}

  void operator()(const SessionUpdate& update) {
    const Transcript& transcript = update.transcript;
    if (!update.error.empty()) {
      events_.all().failed(item_.id, describe_failure(update));
      return close_after(update, events_.all());
    }
    events_.grow(item_, transcript.text, transcript.words, transcript, update.ended);
    if (!update.ended) return;
    item_.language = transcript.language;
    item_.seconds = transcript.duration;
    events_.complete(item_);
  }

 private:
  ItemEvents events_;
  Item item_;
};

// OpenAI's dialects: pauses end items, and so does the end of the session, which is the client's commit.
class TurnTeller {
 public:
  TurnTeller(ItemEvents events, const RealtimeSettings& settings, double before)
      : events_(std::move(events)),
        item_event_(item_event(settings)),
        turns_(settings.session.silence),
        before_(before) {}

  void operator()(const SessionUpdate& update) {
    if (!update.error.empty()) {
      if (turns_.is_open()) events_.all().failed(item_.id, describe_failure(update));
      return close_after(update, events_.all());
    }
    const UtteranceUpdate& heard = update.utterances;
    for (const Utterance& utterance : heard.finals) hear(utterance, update.transcript, /*is_final=*/true);
    if (heard.open) hear(*heard.open, update.transcript, /*is_final=*/false);
    const bool answered = turns_.is_open();
    if (answered && turns_.is_over(update)) end_turn(settled_until(update));
    if (update.ended && !answered) answer_commit(update.transcript.duration);
  }

 private:
  void hear(const Utterance& utterance, const Transcript& transcript, bool is_final) {
    if (turns_.is_over_before(utterance)) end_turn(utterance.start);
    if (turns_.begins_with(utterance)) begin(utterance.start);
    if (item_.language.empty()) item_.language = utterance.language;
    events_.grow(item_, joined(item_.text, utterance.text), utterance.words, transcript, is_final);
  }

  void begin(double start) {
    item_ = {.id = events_.all().next_item()};
    begin_ = start;
    events_.all().send({{"type", "input_audio_buffer.speech_started"},
                        {"item_id", item_.id},
                        {"audio_start_ms", milliseconds(before_ + start)}});
  }

  // `now`: seconds that were listened to until the pause was long enough.
  void end_turn(double now) {
    const double end = turns_.last_word_end();
    events_.all().send({{"type", "input_audio_buffer.speech_stopped"},
                        {"item_id", item_.id},
                        {"audio_end_ms", milliseconds(before_ + end)}});
    item_.seconds = end - begin_;
    complete(now);
    turns_.end();
  }

  // What was pushed since the last item is the client's item, if it is only silence.
  void answer_commit(double duration) {
    if (duration <= committed_) return events_.all().error(nothing_to_commit());
    item_ = {.id = events_.all().next_item()};
    item_.seconds = duration - committed_;
    complete(duration);
  }

  void complete(double now) {
    committed_ = now;
    events_.all().committed(item_.id, item_event_);
    events_.complete(item_);
  }

  ItemEvents events_;
  const char* item_event_;
  Turns turns_;
  Item item_;             // of the open turn
  double begin_ = 0;      // seconds; of the open turn
  double committed_ = 0;  // seconds that are in items
  double before_;
};

json words_json(const Utterance& utterance, bool riva) {
  json list = json::array();
  for (const Word& word : utterance.words) {
    const std::string& language = word.language.empty() ? utterance.language : word.language;
    list.push_back(riva ? json{{"word", word.text},
                               {"start_time", word.start},
                               {"end_time", word.end},
                               {"confidence", word.confidence},
                               {"speaker_tag", 0}}
                        : json{{"word", word.text},
                               {"start", word.start},
                               {"end", word.end},
                               {"confidence", word.confidence},
                               {"language", language}});
  }
  return list;
}

// Captions and Riva's client: an item for each utterance.
class UtteranceTeller {
 public:
  UtteranceTeller(std::shared_ptr<RealtimeEvents> events, Dialect dialect)
      : events_(std::move(events)), is_riva_(dialect == Dialect::kRiva) {}

  void operator()(const SessionUpdate& update) {
    const std::vector<Utterance>& finals = update.utterances.finals;
    for (std::size_t index = 0; index < finals.size(); ++index) {
      begin();
      grow(finals[index].text, finals[index], /*is_final=*/true);
      complete(finals[index], update.ended && index + 1 == finals.size());
    }
    if (update.utterances.interim && update.utterances.interim_changed) {
      begin();
      const std::optional<Utterance>& open = update.utterances.open;
      grow(open ? open->text : "", *update.utterances.interim, /*is_final=*/false);
    } else if (update.utterances.interim_changed && !item_.empty()) {
      grow("", {}, /*is_final=*/false);  // a draft was wrong
    }
    if (!update.ended) return;
    if (finals.empty()) {  // who waits for the last result gets one, even if nothing was said
      begin();
      complete({}, /*last=*/true);
    }
    if (update.error.empty()) return events_->close(close_code::kNormal, "");
    close_after(update, *events_);
  }

 private:
  void begin() {
    if (!item_.empty()) return;
    item_ = events_->next_item();
    told_ = {};
  }

  // `settled` is the beginning of the utterance that is only ever appended to.
  void grow(const std::string& settled, const Utterance& utterance, bool is_final) {
    const std::string delta = told_.delta(settled, is_final);
    if (delta.empty() && (is_riva_ || is_final)) return;
    json event = delta_event(item_, delta);
    if (!is_riva_) {
      event["text"] = utterance.text;
      event["start"] = utterance.start;
    }
    events_->send(std::move(event));
  }

  void complete(const Utterance& utterance, bool last) {
    json event = {{"type", kCompleted},
                  {"item_id", item_},
                  {"content_index", 0},
                  {"transcript", utterance.text},
                  {"language", utterance.language},
                  {"is_last_result", last}};
    if (is_riva_) {
      event["words_info"] = {{"words", words_json(utterance, is_riva_)}};
    } else {
      event["words"] = words_json(utterance, is_riva_);
      event["start"] = utterance.start;
      event["end"] = utterance.end;
    }
    events_->send(std::move(event));
    item_.clear();
  }

  std::shared_ptr<RealtimeEvents> events_;
  bool is_riva_;
  std::string item_;  // empty: no utterance is open
  GrowingText told_;  // of the open one's text
};

}  // namespace

const char* item_event(const RealtimeSettings& settings) {
  return settings.beta ? "conversation.item.created" : "conversation.item.added";
}

ApiError nothing_to_commit() {
  return {400, "invalid_request_error", "input_audio_buffer_commit_empty",
          "the buffer is empty: there was no sound since the last commit"};
}

Listener make_realtime_teller(std::shared_ptr<RealtimeEvents> events, const RealtimeSettings& settings,
                              std::optional<std::string> item, double before) {
  if (settings.dialect != Dialect::kOpenAi) return UtteranceTeller(std::move(events), settings.dialect);
  ItemEvents items(std::move(events), settings);
  if (item) return ItemTeller(std::move(items), std::move(*item));
  return TurnTeller(std::move(items), settings, before);
}

}  // namespace glossa::serve
