#include "serve/stream_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/fail.h"
#include "serve/event_log.h"
#include "serve/latency.h"

namespace glossa::serve {
namespace {

constexpr double kWindowSeconds =
    0.1;  // the front end and the first chunk want a little more than their frames

constexpr std::size_t kMostSentences = 8;  // of a transcript that is not kept

std::string language_or(const StreamDefaults& defaults, const std::string& lang) {
  return lang == "auto" ? defaults.target_lang : lang;
}

AttContext own_context(const SessionOptions& options, const ModelInfo& model) {
  return options.stream.att_context.value_or(model.att_contexts.front());
}

std::optional<AttContext> draft_context(const SessionOptions& options, const StreamDefaults& defaults,
                                        const ModelInfo& model) {
  const std::optional<AttContext>& draft = defaults.draft_att_context;
  const bool is_sooner = draft && draft->chunk_frames() < own_context(options, model).chunk_frames();
  return is_sooner && options.kind == Kind::kLive && options.takes_drafts ? draft : std::nullopt;
}

std::size_t next_number() {
  static std::atomic<std::size_t> last = 0;
  return ++last;
}

// `transcript`: to which the utterance belongs.
void count_words(const Utterance& utterance, const Transcript& transcript, WordCounts& counts) {
  for (const Word& word : utterance.words) {
    const auto tokens =
        std::span(transcript.tokens).subspan(word.first_token, word.last_token - word.first_token);
    ++counts.all;
    if (std::ranges::any_of(tokens, &Token::boosted)) ++counts.boosted;
  }
}

void shift(Utterance& utterance, double seconds) {
  utterance.start += seconds;
  utterance.end += seconds;
  for (Word& word : utterance.words) {
    word.start += seconds;
    word.end += seconds;
  }
}

}  // namespace

Load load_of(const SessionOptions& options, const StreamDefaults& defaults, const ModelInfo& model) {
  const std::optional<AttContext> draft = draft_context(options, defaults, model);
  const AttContext stepped = draft.value_or(own_context(options, model));
  // An unusable setting is refused where the stream is made.
  return {
      .kind = options.kind, .chunk_frames = std::max(1, stepped.chunk_frames()), .searches = draft ? 2 : 1};
}

StreamOptions served_options(const SessionOptions& session, const StreamDefaults& defaults,
                             const ModelInfo& model) {
  StreamOptions options = session.stream;
  options.draft_att_context = draft_context(session, defaults, model);
  options.target_lang = language_or(defaults, options.target_lang);
  options.language_model = defaults.language_model;
  options.lm_alpha = defaults.lm_alpha;
  options.final_silence = defaults.final_silence;
  options.max_symbols = defaults.max_symbols;
  options.beam_size = defaults.beam_size;
  if (session.kind == Kind::kLive) options.settle_delay = defaults.settle_delay;
  // Chunk by chunk while a stream is on time, several chunks at once when it is not: the result is the same.
  options.mode = StreamingMode::kOffline;
  return options;
}

StreamSession::StreamSession(const Recognizer& recognizer, const SessionOptions& options,
                             const StreamDefaults& defaults, Listener listener, Waker& waker,
                             double longest_seconds)
    : recognizer_(recognizer),
      origin_(options.origin),
      number_(next_number()),
      att_context_(own_context(options, recognizer.info())),
      asked_(language_or(defaults, options.stream.target_lang)),
      default_lang_(defaults.target_lang),
      load_(load_of(options, defaults, recognizer.info())),
      frame_seconds_(recognizer.info().frame_seconds),
      sample_rate_(recognizer.info().sample_rate),
      longest_samples_(std::llround(longest_seconds * recognizer.info().sample_rate)),
      keeps_transcript_(options.keeps_transcript),
      shows_unsettled_(options.takes_drafts && (has_draft() || defaults.beam_size > 1)),
      takes_alternatives_(options.takes_alternatives),
      silence_(options.silence),
      waker_(waker),
      listener_(std::move(listener)),
      stream_(recognizer.create_stream(served_options(options, defaults, recognizer.info()))),
      utterances_(silence_) {}

std::int64_t StreamSession::whole_chunks(std::int64_t frames) const {
  const std::int64_t settling = att_context_.chunk_frames();
  const std::int64_t chunk = frames >= settling ? settling : load_.chunk_frames;
  return std::max<std::int64_t>(load_.chunk_frames, frames / chunk * chunk);
}

std::int64_t StreamSession::step_frames(std::int64_t fed) const {
  if (!has_draft()) return fed;
  const double ahead = static_cast<double>(decoded_ - began_) / sample_rate_ - behind_draft_;  // seconds
  const std::int64_t chunk = att_context_.chunk_frames();
  return fed + (std::llround(ahead / frame_seconds_) + fed) / chunk * chunk;
}

void StreamSession::wake() {
  if (!woken_.exchange(true)) waker_.wake(shared_from_this());
}

void StreamSession::add(Piece piece) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_ || cancelled_ || ended()) return;
    // Who says it twice is told once.
    if (piece.flush && !pieces_.empty() && pieces_.back().flush) return;
    if (piece.flush) tail_is_wanted();
    const auto count = static_cast<std::int64_t>(piece.samples.size());
    pushed_ += count;
    waiting_ += count;
    if (kind() == Kind::kLive && count > 0) arrivals_.push_back({pushed_, Clock::now()});
    pieces_.push_back(std::move(piece));
  }
  wake();
}

void StreamSession::tail_is_wanted() {
  if (!arrivals_.empty()) arrivals_.back().time = Clock::now();
}

void StreamSession::push(std::vector<float> samples) {
  if (!samples.empty()) add({.samples = std::move(samples)});
}

void StreamSession::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    tail_is_wanted();
  }
  wake();
}

void StreamSession::set_target_lang(const std::string& lang) {
  const std::string& told = lang == "auto" ? default_lang_ : lang;
  recognizer_.create_stream({.att_context = att_context_, .target_lang = told});  // tells an unknown one
  add({.lang = told});
}

void StreamSession::flush() { add({.flush = true}); }

void StreamSession::cancel() {
  {
    const std::lock_guard lock(listener_mutex_);
    cancelled_ = true;
  }
  wake();
}

double StreamSession::backlog() const { return static_cast<double>(waiting_) / sample_rate_; }

bool StreamSession::feed_pieces(std::int64_t samples) {
  const std::lock_guard lock(mutex_);
  while (!flushing_ && fed_ - decoded_ < samples && !pieces_.empty()) {
    Piece& piece = pieces_.front();
    if (piece.flush) {
      stream_->input_finished();
      flushing_ = true;
      pieces_.pop_front();
      break;
    }
    if (!piece.lang.empty()) {
      stream_->set_target_lang(piece.lang);
      lang_ = piece.lang;
    }
    const auto left = static_cast<std::int64_t>(piece.samples.size() - piece.used);
    const std::int64_t count = std::min(left, samples - (fed_ - decoded_));
    if (fed_ + count > longest_samples_) return false;
    stream_->accept_waveform(std::span(piece.samples).subspan(piece.used, static_cast<std::size_t>(count)));
    piece.used += static_cast<std::size_t>(count);
    fed_ += count;
    if (piece.used == piece.samples.size()) pieces_.pop_front();
  }
  if (finished_ && pieces_.empty() && !input_finished_ && !flushing_) {
    stream_->input_finished();
    input_finished_ = true;
  }
  return true;
}

bool StreamSession::feed(std::int64_t frames) {
  if (ended()) return false;
  if (cancelled_) {
    end("cancelled");
    return false;
  }
  try {
    const double seconds = static_cast<double>(frames) * frame_seconds_ + kWindowSeconds;
    while (true) {
      if (!feed_pieces(std::llround(seconds * sample_rate_))) {
        end("error", {fmt::format("the stream is longer than {:.0f} s",
                                  static_cast<double>(longest_samples_) / sample_rate_),
                      /*is_client_error=*/true});
        return false;
      }
      if (stream_->is_ready()) return true;
      if (!flushing_) break;
      begin_anew();
    }
  } catch (const std::exception& error) {
    end("error", {error.what()});
    return false;
  }
  if (input_finished_) end("ok");
  return false;
}

StreamSession::Progress StreamSession::report(Clock::time_point now, Metrics& metrics) {
  const Transcript& transcript = stream_->transcript();
  if (shows_unsettled_) drafted_ = stream_->drafted();
  const double heard = has_draft() ? drafted_.decoded : transcript.decoded;
  const std::int64_t before = decoded_;
  decoded_ = std::min(fed_, began_ + static_cast<std::int64_t>(std::llround(heard * sample_rate_)));
  Progress progress{.sound = static_cast<double>(decoded_ - before) / sample_rate_};
  progress.work = progress.sound;
  if (has_draft()) progress.work += transcript.decoded - std::exchange(behind_draft_, transcript.decoded);
  waiting_ -= decoded_ - before;
  if (kind() == Kind::kLive) {
    const std::lock_guard lock(mutex_);
    while (arrivals_.size() > 1 && arrivals_.front().samples < decoded_) arrivals_.pop_front();
    if (!arrivals_.empty()) {
      const double lag = std::chrono::duration<double>(now - arrivals_.front().time).count();
      most_lag_ = std::max(most_lag_, lag);
      metrics.lag(lag);
    }
  }
  const bool finishing = input_finished_ || flushing_;
  const bool complete = finishing && !stream_->is_ready();
  if (complete && flushing_) {
    begin_anew();
  } else if (complete) {
    end("ok");
  } else if (!finishing || decoded_ < fed_) {  // the silence behind the sound has no updates of its own
    tell(/*ended=*/false);
    if (!keeps_transcript_ && transcript.sentences.size() > kMostSentences) {
      const std::size_t sentences = transcript.sentences.size();
      const std::size_t words = transcript.words.size();
      stream_->forget_closed();
      const Transcript& rest = stream_->transcript();
      utterances_.forget(sentences - rest.sentences.size(), words - rest.words.size());
    }
  }
  meter_words(metrics);
  return progress;
}

void StreamSession::fail(const std::string& why) {
  if (!ended()) end("error", {why});
}

void StreamSession::begin_anew() {
  tell(/*ended=*/false, /*flushed=*/true);
  waiting_ -= fed_ - decoded_;
  decoded_ = began_ = fed_;
  stream_->reset();
  if (!lang_.empty()) stream_->set_target_lang(lang_);
  utterances_ = Utterances(silence_);
  behind_draft_ = 0;
  flushing_ = false;
}

void StreamSession::tell(bool ended, bool flushed, const SessionFailure& failure) {
  const std::lock_guard lock(listener_mutex_);
  if (cancelled_) return;
  // What a search that was broken off has not settled is said all the same.
  const bool failed = !failure.error.empty();
  const Transcript broken_off = failed ? stream_->drafted() : Transcript();
  const Transcript& transcript = failed ? broken_off : stream_->transcript();
  const double began = static_cast<double>(began_) / sample_rate_;
  const bool all = ended || flushed;
  UtteranceUpdate utterances =
      utterances_.update(transcript, shows_unsettled_ && !all ? drafted_ : transcript, all);
  if (takes_alternatives_ && all && !failed)
    add_alternatives(transcript, stream_->alternatives(), utterances.finals);
  for (Utterance& utterance : utterances.finals) shift(utterance, began);
  if (utterances.open) shift(*utterances.open, began);
  if (utterances.interim) shift(*utterances.interim, began);
  for (const Utterance& utterance : utterances.finals) log_utterance(origin_, number_, utterance);
  finals_ += utterances.finals.size();
  for (const Utterance& utterance : utterances.finals) count_words(utterance, transcript, words_);
  if (!transcript.language.empty()) language_ = transcript.language;
  listener_({.transcript = transcript,
             .began = began,
             .utterances = std::move(utterances),
             .flushed = flushed,
             .ended = ended,
             .error = failure.error,
             .is_client_error = failure.is_client_error});
}

void StreamSession::end(const char* outcome, const SessionFailure& failure) {
  tell(/*ended=*/true, /*flushed=*/false, failure);
  const std::lock_guard lock(mutex_);
  waiting_ = 0;
  pieces_.clear();
  failure_ = failure;
  outcome_ = outcome;
}

void StreamSession::meter_words(Metrics& metrics) {
  metrics.words(words_.all - metered_.all, words_.boosted - metered_.boosted);
  metered_ = words_;
}

void StreamSession::record_end(Metrics& metrics) {
  const char* outcome = outcome_.load();
  metrics.finished(outcome);
  meter_words(metrics);
  log_stream({.origin = origin_,
              .stream = number_,
              .kind = kind() == Kind::kLive ? "live" : "file",
              .latency = latency_name(att_context_, recognizer_.info()),
              .asked = asked_,
              .language = language_,
              .outcome = outcome,
              .is_failure = !failure_.error.empty() && !failure_.is_client_error,
              .why = failure_.error,
              .audio_seconds = static_cast<double>(fed_) / sample_rate_,
              .seconds = std::chrono::duration<double>(Clock::now() - opened_).count(),
              .most_lag = most_lag_,
              .utterances = finals_,
              .words = words_.all,
              .boosted_words = words_.boosted});
}

}  // namespace glossa::serve
