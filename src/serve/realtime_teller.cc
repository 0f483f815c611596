#include "serve/realtime_teller.h"

#include <utility>
#include <vector>

#include "serve/growing_text.h"
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
  std::string text;
  std::string language;
  double seconds = 0;  // of its sound
};

json completed_event(const Item& item) {
  return {{"type", kCompleted},        {"item_id", item.id},
          {"content_index", 0},        {"transcript", item.text},
          {"language", item.language}, {"usage", {{"type", "duration"}, {"seconds", item.seconds}}}};
}

// Nothing that comes after it would be heard.
void close_after(const SessionUpdate& update, RealtimeEvents& events) {
  events.error(describe_failure(update));
  events.close(update.is_client_error ? close_code::kPolicy : close_code::kInternalError, update.error);
}

// OpenAI's dialects, and the client says where an item ends.
class ItemTeller {
 public:
  ItemTeller(std::shared_ptr<RealtimeEvents> events, std::string item)
      : events_(std::move(events)), item_{.id = std::move(item)} {}

  void operator()(const SessionUpdate& update) {
    const Transcript& transcript = update.transcript;
    if (!update.error.empty()) {
      events_->failed(item_.id, describe_failure(update));
      return close_after(update, *events_);
    }
    const std::string delta = told_.delta(transcript.text, /*whole=*/update.ended);
    if (!delta.empty()) events_->send(delta_event(item_.id, delta));
    if (!update.ended) return;
    item_.text = transcript.text;
    item_.language = transcript.language;
    item_.seconds = transcript.duration;
    events_->send(completed_event(item_));
  }

 private:
  std::shared_ptr<RealtimeEvents> events_;
  Item item_;
  GrowingText told_;
};

// OpenAI's dialects: pauses end items, and so does the end of the session, which is the client's commit.
class TurnTeller {
 public:
  TurnTeller(std::shared_ptr<RealtimeEvents> events, const RealtimeSettings& settings, double before)
      : events_(std::move(events)),
        item_event_(item_event(settings)),
        turns_(settings.session.silence),
        before_(before) {}

  void operator()(const SessionUpdate& update) {
    if (!update.error.empty()) {
      if (turns_.is_open()) events_->failed(item_.id, describe_failure(update));
      return close_after(update, *events_);
    }
    for (const Utterance& utterance : update.utterances.finals) {
      hear(utterance, /*is_final=*/true);
      item_.text = joined(item_.text, utterance.text);
    }
    if (update.utterances.interim) hear(*update.utterances.interim, /*is_final=*/false);
    const bool answered = turns_.is_open();
    if (answered && turns_.is_over(update)) end_turn(decoded_until(update));
    if (update.ended && !answered) answer_commit(update.transcript.duration);
  }

 private:
  void hear(const Utterance& utterance, bool is_final) {
    if (turns_.is_over_before(utterance)) end_turn(utterance.start);
    if (turns_.begins_with(utterance)) begin(utterance.start);
    if (item_.language.empty()) item_.language = utterance.language;
    const std::string delta = told_.delta(joined(item_.text, utterance.text), /*whole=*/is_final);
    if (!delta.empty()) events_->send(delta_event(item_.id, delta));
  }

  void begin(double start) {
    item_ = {.id = events_->next_item()};
    told_ = {};
    begin_ = start;
    events_->send({{"type", "input_audio_buffer.speech_started"},
                   {"item_id", item_.id},
                   {"audio_start_ms", milliseconds(before_ + start)}});
  }

  // `now`: seconds that were listened to until the pause was long enough.
  void end_turn(double now) {
    const double end = turns_.last_word_end();
    events_->send({{"type", "input_audio_buffer.speech_stopped"},
                   {"item_id", item_.id},
                   {"audio_end_ms", milliseconds(before_ + end)}});
    item_.seconds = end - begin_;
    complete(now);
    turns_.end();
  }

  // What was pushed since the last item is the client's item, if it is only silence.
  void answer_commit(double duration) {
    if (duration <= committed_) return events_->error(nothing_to_commit());
    item_ = {.id = events_->next_item(), .seconds = duration - committed_};
    complete(duration);
  }

  void complete(double now) {
    committed_ = now;
    events_->committed(item_.id, item_event_);
    events_->send(completed_event(item_));
  }

  std::shared_ptr<RealtimeEvents> events_;
  const char* item_event_;
  Turns turns_;
  Item item_;             // the open turn's; its text is what is final of it
  GrowingText told_;      // of the open turn's text
  double begin_ = 0;      // seconds; of the open turn
  double committed_ = 0;  // seconds that are in items
  double before_;
};

json words_json(const Utterance& utterance, bool riva) {
  json list = json::array();
  for (const Word& word : utterance.words) {
    list.push_back(riva ? json{{"word", word.text},
                               {"start_time", word.start},
                               {"end_time", word.end},
                               {"confidence", word.confidence},
                               {"speaker_tag", 0}}
                        : json{{"word", word.text},
                               {"start", word.start},
                               {"end", word.end},
                               {"confidence", word.confidence}});
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
      grow(finals[index], /*is_final=*/true);
      complete(finals[index], update.ended && index + 1 == finals.size());
    }
    if (update.utterances.interim && update.utterances.interim_changed) {
      begin();
      grow(*update.utterances.interim, /*is_final=*/false);
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

  void grow(const Utterance& utterance, bool is_final) {
    const std::string delta = told_.delta(utterance.text, is_final);
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

const char* item_event(const RealtimeSettings&) { return "conversation.item.added"; }

ApiError nothing_to_commit() {
  return {400, "invalid_request_error", "input_audio_buffer_commit_empty",
          "the buffer is empty: there was no sound since the last commit"};
}

Listener make_realtime_teller(std::shared_ptr<RealtimeEvents> events, const RealtimeSettings& settings,
                              std::optional<std::string> item, double before) {
  if (settings.dialect != Dialect::kOpenAi) return UtteranceTeller(std::move(events), settings.dialect);
  if (item) return ItemTeller(std::move(events), std::move(*item));
  return TurnTeller(std::move(events), settings, before);
}

}  // namespace glossa::serve
