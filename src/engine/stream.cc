#include "engine/stream.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/fail.h"
#include "engine/recognizer_impl.h"
#include "text/lang_tag.h"
#include "text/words.h"

namespace glossa::engine {
namespace {

// Encoder frames that an offline step takes at once: enough to be bound by arithmetic, few enough to stay
// small.
constexpr std::int64_t kOfflineFrames = 32;

StreamOptions checked(StreamOptions options) {
  if (options.max_symbols < 0 || options.max_symbols > model::kMostSymbols) {
    fail_invalid_argument("max_symbols is {}, expected 1 to {}, or 0: the checkpoint's", options.max_symbols,
                          model::kMostSymbols);
  }
  if (options.nemo_batch_mel_frames < 0) {
    fail_invalid_argument("nemo_batch_mel_frames is {}, expected 0 or more", options.nemo_batch_mel_frames);
  }
  if (!(options.final_silence >= 0 && options.final_silence <= kMostFinalSilence)) {
    fail_invalid_argument("final_silence is {} s, expected 0 to {}", options.final_silence,
                          kMostFinalSilence);
  }
  if (options.beam_size < 1 || options.beam_size > kMostBeam)
    fail_invalid_argument("beam_size is {}, expected 1 (greedy search) to {}", options.beam_size, kMostBeam);
  const std::optional<double>& delay = options.settle_delay;
  if (delay && !(*delay >= 0 && *delay <= kMostSettleDelay))
    fail_invalid_argument("settle_delay is {} s, expected 0 to {}", *delay, kMostSettleDelay);
  return options;
}

std::optional<PhraseBoost> boost_for(std::span<const BoostedPhrase> phrases,
                                     const text::SentencePiece& pieces) {
  if (phrases.empty()) return std::nullopt;
  return make_phrase_boost(phrases, pieces);
}

const LmFusion* fusion_of(const StreamOptions& options, const RecognizerImpl& recognizer) {
  if (options.language_model == nullptr) return nullptr;
  if (!(options.lm_alpha > 0 && options.lm_alpha <= kMostLmAlpha))
    fail_invalid_argument("lm_alpha is {}, expected above 0 and at most {}", options.lm_alpha, kMostLmAlpha);
  const auto* fusion = dynamic_cast<const LmFusion*>(options.language_model.get());
  if (fusion == nullptr || fusion->vocabulary() != recognizer.pieces().size()) {
    fail_invalid_argument("the language model is not of this checkpoint (expected one of {} pieces)",
                          recognizer.pieces().size());
  }
  return fusion;
}

std::optional<int> whole_frames(std::optional<double> seconds, double frame_seconds) {
  if (!seconds) return std::nullopt;
  return static_cast<int>(std::lround(*seconds / frame_seconds));
}

template <class Item>
void drop_first(std::vector<Item>& items, std::size_t count) {
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

StreamImpl::StreamImpl(std::shared_ptr<const RecognizerImpl> recognizer, StreamOptions options)
    : recognizer_(std::move(recognizer)),
      options_(checked(std::move(options))),
      context_(options_.att_context.value_or(recognizer_->info().att_contexts.front())),
      geometry_(model::streaming_geometry(recognizer_->config(), context_, options_.mode)),
      max_symbols_(options_.max_symbols > 0 ? options_.max_symbols
                                            : recognizer_->config().decoding.max_symbols),
      settle_frames_(whole_frames(options_.settle_delay, recognizer_->info().frame_seconds)),
      boost_(boost_for(options_.boosted_phrases, recognizer_->pieces())),
      lm_(fusion_of(options_, *recognizer_)),
      prompt_slot_(recognizer_->prompt_slot(options_.target_lang, options_.unknown_lang_is_auto)),
      log_mel_(recognizer_->log_mel()),
      old_mels_(no_old_mels()),
      cache_(recognizer_->encoder().make_cache(context_)),
      decoder_state_(recognizer_->greedy_decoder().initial_state()),
      beam_(recognizer_->beam_decoder().initial_state()) {}

StreamImpl::~StreamImpl() = default;

void StreamImpl::reset() {
  // What can fail comes first: a stream is reset whole or not at all.
  EncoderCache cache = recognizer_->encoder().make_cache(context_);
  DecoderState decoder_state = recognizer_->greedy_decoder().initial_state();
  BeamState beam = recognizer_->beam_decoder().initial_state();
  old_mels_ = no_old_mels();
  cache_ = std::move(cache);
  decoder_state_ = std::move(decoder_state);
  beam_ = std::move(beam);
  prompt_slot_ = recognizer_->prompt_slot(options_.target_lang, options_.unknown_lang_is_auto);
  log_mel_.reset();
  mels_.clear();
  taken_rows_ = 0;
  taken_mels_ = 0;
  started_ = false;
  input_finished_ = false;
  sound_samples_.reset();
  transcript_ = {};
  unagreed_ = 0;
  described_ = {};
}

std::vector<float> StreamImpl::no_old_mels() const {
  return std::vector<float>(
      static_cast<std::size_t>(geometry_.mel_overlap * recognizer_->config().features.mels));
}

void StreamImpl::accept_waveform(std::span<const float> pcm) {
  if (input_finished_) fail_invalid_argument("audio after input_finished() (expected reset() first)");
  log_mel_.accept(pcm, mels_);
}

void StreamImpl::input_finished() {
  if (input_finished_) return;
  sound_samples_ = log_mel_.samples();
  const auto silence = static_cast<std::size_t>(
      std::llround(options_.final_silence * recognizer_->config().features.sample_rate));
  if (*sound_samples_ > 0) log_mel_.accept(std::vector<float>(silence), mels_);
  log_mel_.finish(mels_);
  const bool counts_zero_frame = geometry_.mel_overlap > 0;
  if (counts_zero_frame && log_mel_.samples() > 0) {
    mels_.resize(mels_.size() + static_cast<std::size_t>(recognizer_->config().features.mels), 0.0f);
  }
  input_finished_ = true;
}

void StreamImpl::set_target_lang(std::string_view lang) {
  prompt_slot_ = recognizer_->prompt_slot(lang, options_.unknown_lang_is_auto);
}

std::int64_t StreamImpl::pending_mels() const {
  return static_cast<std::int64_t>(mels_.size()) / recognizer_->config().features.mels - taken_rows_;
}

std::int64_t StreamImpl::chunk_mels() const {
  return started_ ? geometry_.chunk_mels : geometry_.first_chunk_mels;
}

bool StreamImpl::has_tail() const {
  if (!input_finished_ || log_mel_.samples() == 0) return false;
  const std::int64_t pending = pending_mels();
  if (!started_)
    return true;  // shorter than one mel frame: NeMo's subsampling makes one frame of padding alone
  if (pending == 0) return false;
  // NeMo's loop ends when the longest stream of the batch has fewer than min_mels left.
  const std::int64_t longest = std::max(pending, options_.nemo_batch_mel_frames - taken_mels_);
  return longest >= geometry_.min_mels;
}

bool StreamImpl::is_ready() const { return pending_mels() >= chunk_mels() || has_tail(); }

std::vector<StreamImpl*> StreamImpl::ready_searches() {
  if (!is_ready()) return {};
  return {this};
}

MelChunk StreamImpl::take_chunk() {
  const std::int64_t width = recognizer_->config().features.mels;
  const std::int64_t pending = pending_mels();
  std::int64_t count = std::min(pending, chunk_mels());
  if (options_.mode == StreamingMode::kOffline && count == chunk_mels()) {
    const std::int64_t chunks_per_step = std::max<std::int64_t>(1, kOfflineFrames / geometry_.chunk_frames);
    const std::int64_t more = std::min(chunks_per_step - 1, (pending - count) / geometry_.chunk_mels);
    count += more * geometry_.chunk_mels;
  }
  MelChunk chunk;
  const bool overlaps = geometry_.mel_overlap > 0 && (started_ || geometry_.overlap_first);
  if (overlaps) {
    chunk.mels = old_mels_;
    chunk.old_frames = geometry_.mel_overlap;
    chunk.drop_frames = geometry_.drop_frames;
  }
  const auto first = mels_.begin() + taken_rows_ * width;
  chunk.mels.insert(chunk.mels.end(), first, first + count * width);
  chunk.frames = chunk.old_frames + count;
  chunk.window = geometry_.mel_overlap > 0;
  chunk.finish = chunk.window || (input_finished_ && count == pending);
  if (geometry_.mel_overlap > 0) {
    old_mels_.insert(old_mels_.end(), first, first + count * width);
    old_mels_.erase(old_mels_.begin(), old_mels_.end() - geometry_.mel_overlap * width);
  }
  started_ = true;
  taken_rows_ += count;
  taken_mels_ += count;
  if (taken_rows_ * width * 2 >= static_cast<std::int64_t>(mels_.size())) {
    mels_.erase(mels_.begin(), mels_.begin() + taken_rows_ * width);
    taken_rows_ = 0;
  }
  return chunk;
}

const Transcript& StreamImpl::transcript() const {
  const model::FeatureConfig& features = recognizer_->config().features;
  transcript_.duration = static_cast<double>(sound_samples()) / features.sample_rate;
  transcript_.decoded = decoded_seconds();
  transcript_.settled = seconds_of(settled_frames());
  const std::span<const Token> rest = unsettled();
  if (is_complete() && !rest.empty()) {
    transcript_.tokens.insert(transcript_.tokens.end(), rest.begin(), rest.end());
    unagreed_ = rest.size();
  }
  if (described_.tokens != transcript_.tokens.size()) describe_tokens();  // they are only ever appended
  if (is_complete()) trim_times(transcript_);
  return transcript_;
}

std::span<const Token> StreamImpl::unsettled() const {
  if (!has_beam() || unagreed_ > 0) return {};
  return beam_.hypotheses.front().tokens;
}

std::int64_t StreamImpl::settled_frames() const {
  std::int64_t frames = decoded_frames();
  if (!has_beam() || is_complete()) return frames;
  for (const Hypothesis& hypothesis : beam_.hypotheses) {
    if (!hypothesis.tokens.empty()) frames = std::min<std::int64_t>(frames, hypothesis.tokens.front().frame);
  }
  return frames;
}

Transcript StreamImpl::drafted() const {
  const Transcript& settled = transcript();
  return unsettled().empty() ? settled : continued(unsettled());
}

std::vector<Alternative> StreamImpl::alternatives() const {
  const Transcript& best = transcript();
  if (!has_beam()) return {{.text = best.text, .tokens = best.tokens, .score = best.score}};
  const std::size_t settled = best.tokens.size() - unagreed_;
  std::vector<Alternative> all;
  for (const Hypothesis& hypothesis : beam_.hypotheses) {
    Alternative& one = all.emplace_back();
    one.score = hypothesis.score;
    one.tokens.assign(best.tokens.begin(), best.tokens.begin() + static_cast<std::ptrdiff_t>(settled));
    one.tokens.insert(one.tokens.end(), hypothesis.tokens.begin(), hypothesis.tokens.end());
    one.text = text_of(one.tokens, 0);
  }
  return all;
}

DecoderInput StreamImpl::greedy_input(backend::Matrix<const float> frames) {
  return {.frames = frames,
          .state = &decoder_state_,
          .tokens = &transcript_.tokens,
          .max_symbols = max_symbols_,
          .boost = boost_ ? &*boost_ : nullptr,
          .lm = lm_,
          .lm_alpha = options_.lm_alpha};
}

BeamInput StreamImpl::beam_input(backend::Matrix<const float> frames) {
  return {.frames = frames,
          .state = &beam_,
          .tokens = &transcript_.tokens,
          .beam_size = options_.beam_size,
          .chunk_frames = geometry_.chunk_frames,
          .max_symbols = max_symbols_,
          .settle_frames = settle_frames_,
          .boost = boost_ ? &*boost_ : nullptr,
          .lm = lm_,
          .lm_alpha = options_.lm_alpha};
}

double StreamImpl::seconds_of(std::int64_t frames) const {
  return std::min(static_cast<double>(frames) * recognizer_->info().frame_seconds, end_of_sound());
}

double StreamImpl::end_of_sound() const {
  const model::FeatureConfig& features = recognizer_->config().features;
  const std::int64_t frame_samples =
      std::int64_t{features.hop} * recognizer_->config().encoder.subsampling_factor;
  const std::int64_t frames = (sound_samples() + frame_samples - 1) / frame_samples;
  return static_cast<double>(frames) * recognizer_->info().frame_seconds;
}

void StreamImpl::forget_closed() {
  transcript();
  if (described_.closed_tokens == 0) return;  // always, of a model without tags
  drop_first(transcript_.tokens, described_.closed_tokens);
  drop_first(transcript_.words, described_.closed_words);
  drop_first(transcript_.sentences, described_.closed_sentences);
  described_ = {.closed_language = std::move(described_.closed_language)};
  describe_tokens();
}

void StreamImpl::forget_tokens(std::size_t count) {
  drop_first(transcript_.tokens, count);
  described_ = {};
  cut_to_closed(transcript_);
}

Transcript StreamImpl::continued(std::span<const Token> more) const {
  Transcript whole = transcript();
  cut_to_closed(whole);
  whole.tokens.insert(whole.tokens.end(), more.begin(), more.end());
  for (const Token& token : more) {
    if (whole.language.empty()) whole.language = recognizer_->lang_tags()[static_cast<std::size_t>(token.id)];
  }
  append_described(whole, described_.closed_tokens, whole.tokens.size());
  if (is_complete()) trim_times(whole);
  return whole;
}

// Times are of whole encoder frames, the last of which reaches beyond the sound.
void StreamImpl::trim_times(Transcript& transcript) const {
  const auto trim = [&](auto& spans) {
    for (auto span = spans.rbegin(); span != spans.rend() && span->end > transcript.duration; ++span)
      span->end = std::max(span->start, transcript.duration);
  };
  trim(transcript.words);
  trim(transcript.sentences);
}

void StreamImpl::describe_tokens() const {
  const std::span<const std::string> tags = recognizer_->lang_tags();
  const std::size_t count = transcript_.tokens.size();
  std::size_t closed = described_.closed_tokens;  // one past the last settled language tag
  transcript_.language = described_.closed_language;
  std::string closed_language = described_.closed_language;
  for (std::size_t index = described_.closed_tokens; index < count; ++index) {
    const std::string& language = tags[static_cast<std::size_t>(transcript_.tokens[index].id)];
    if (language.empty()) continue;
    if (transcript_.language.empty()) transcript_.language = language;
    if (index >= count - unagreed_) continue;
    closed = index + 1;
    if (closed_language.empty()) closed_language = language;
  }
  cut_to_closed(transcript_);
  append_described(transcript_, described_.closed_tokens, closed);
  described_ = {.tokens = count,
                .closed_tokens = closed,
                .closed_bytes = transcript_.text.size(),
                .closed_score = transcript_.score,
                .closed_words = transcript_.words.size(),
                .closed_sentences = transcript_.sentences.size(),
                .closed_language = std::move(closed_language)};
  append_described(transcript_, closed, count);
}

void StreamImpl::cut_to_closed(Transcript& transcript) const {
  transcript.text.resize(described_.closed_bytes);
  transcript.score = described_.closed_score;
  transcript.words.resize(described_.closed_words);
  transcript.sentences.resize(described_.closed_sentences);
}

// The text of a span depends on what is before it by the tag there at most.
std::string StreamImpl::text_of(std::span<const Token> tokens, std::size_t first_token) const {
  const text::Detokenizer& detokenizer = recognizer_->detokenizer();
  std::vector<int> ids;
  const std::size_t from = first_token > 0 ? first_token - 1 : 0;
  for (const Token& token : tokens.subspan(from)) ids.push_back(token.id);
  std::string text = detokenizer.text(ids);
  if (from < first_token) text.erase(0, detokenizer.text(std::span(ids).first(1)).size());
  return options_.keep_lang_tags ? text : text::strip_lang_tags(text);
}

void StreamImpl::append_described(Transcript& transcript, std::size_t first_token,
                                  std::size_t last_token) const {
  if (first_token == last_token) return;
  transcript.text += text_of(std::span(transcript.tokens).first(last_token), first_token);
  std::vector<text::TimedToken> timed;
  for (std::size_t index = first_token; index < last_token; ++index) {
    const Token& token = transcript.tokens[index];
    timed.push_back({token.id, token.frame, token.confidence});
    transcript.score += token.log_prob;
  }
  const double frame_seconds = recognizer_->info().frame_seconds;
  const double end = end_of_sound();
  const auto start_of = [&](int frame) {
    return std::min(frame * frame_seconds, std::max(0.0, end - frame_seconds));
  };
  const auto end_of = [&](int frame) { return std::min(frame * frame_seconds, end); };
  const text::Detokenizer& detokenizer = recognizer_->detokenizer();
  const std::span<const std::string> tags = recognizer_->lang_tags();
  const std::vector<text::TimedWord> words =
      text::group_words(timed, recognizer_->pieces(), detokenizer, tags);
  for (const text::TimedWord& word : words) {
    transcript.words.push_back({.text = word.text,
                                .start = start_of(word.start_frame),
                                .end = end_of(word.end_frame),
                                .confidence = word.confidence,
                                .language = word.language,
                                .first_token = first_token + static_cast<std::size_t>(word.first_token),
                                .last_token = first_token + static_cast<std::size_t>(word.last_token)});
  }
  for (const text::TimedSentence& sentence : text::group_sentences(timed, words, detokenizer, tags)) {
    transcript.sentences.push_back(
        {.text = sentence.text,
         .language = sentence.language,
         .start = start_of(sentence.start_frame),
         .end = end_of(sentence.end_frame),
         .first_token = first_token + static_cast<std::size_t>(sentence.first_token),
         .last_token = first_token + static_cast<std::size_t>(sentence.last_token)});
  }
}

}  // namespace glossa::engine
