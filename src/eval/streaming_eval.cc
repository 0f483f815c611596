#include "eval/streaming_eval.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <utility>

#include "eval/language_code.h"
#include "text/lang_tag.h"

namespace glossa::eval {
namespace {

// A word has two letters or so where letters are scored.
constexpr int kPassageOfLetters = 2 * kPassage;
constexpr int kLoop = 4;
constexpr int kLoopOfLetters = 2 * kLoop;

// A place in the batch and the utterance on it.
struct Slot {
  std::size_t utterance = 0;
  std::unique_ptr<Stream> stream;  // null: the place is free
  std::vector<float> samples;
  std::size_t fed = 0;
  bool finished = false;
  std::vector<double> given_at_chunk;  // seconds of sound the stream had been given when a chunk was decoded

  // Gives sound until there is work or no more sound.
  void feed(std::size_t slice) {
    while (!finished && !stream->is_ready()) {
      const std::size_t size = std::min(slice, samples.size() - fed);
      stream->accept_waveform(std::span(samples).subspan(fed, size));
      fed += size;
      if (fed == samples.size()) {
        stream->input_finished();
        finished = true;
      }
    }
  }
};

class StreamingEvaluation {
 public:
  StreamingEvaluation(const Recognizer& recognizer, std::span<const EvalUtterance> utterances,
                      const StreamingEvalOptions& options)
      : recognizer_(recognizer),
        model_(recognizer.info()),
        utterances_(utterances),
        options_(options),
        results_(utterances.size()),
        slots_(std::min(utterances.size(), static_cast<std::size_t>(std::max(options.batch_size, 1)))) {}

  std::vector<UtteranceResult> run(const std::function<void(const EvalProgress&)>& progress) {
    check_setting();
    const auto slice =
        static_cast<std::size_t>(std::max(1.0, std::round(model_.frame_seconds * model_.sample_rate)));
    std::vector<Stream*> ready;
    while (true) {
      ready.clear();
      for (Slot& slot : slots_) {
        if (prepare(slot, slice)) ready.push_back(slot.stream.get());
      }
      if (ready.empty()) break;
      for (Slot& slot : slots_) {
        if (slot.stream) slot.given_at_chunk.push_back(seconds(slot.fed));
      }
      recognizer_.decode(ready);
      if (progress) progress(done());
    }
    return std::move(results_);
  }

 private:
  double seconds(std::size_t samples) const { return static_cast<double>(samples) / model_.sample_rate; }

  std::string prompt_of(const EvalUtterance& utterance) const {
    if (!model_.has_prompt) return "auto";  // a checkpoint of one language has nothing to choose
    if (options_.target_lang) return *options_.target_lang;
    return utterance.target_lang.empty() ? "auto" : utterance.target_lang;
  }

  StreamOptions stream_options(const std::string& prompt) const {
    return {.att_context = options_.att_context,
            .target_lang = prompt,
            .mode = StreamingMode::kExact,
            .max_symbols = options_.max_symbols,
            .keep_lang_tags = true,
            .boosted_phrases = options_.boosted_phrases,
            .language_model = options_.language_model,
            .lm_alpha = options_.lm_alpha,
            .beam_size = options_.beam_size,
            .settle_delay = options_.settle_delay,
            .final_silence = options_.final_silence};
  }

  // `prompt` becomes what the stream is told.
  std::unique_ptr<Stream> open_stream(std::string& prompt) const {
    try {
      return recognizer_.create_stream(stream_options(prompt));
    } catch (const Error& error) {
      if (!options_.unknown_lang_is_auto || error.code() != ErrorCode::kInvalidArgument) throw;
    }
    prompt = "auto";  // for a code that the checkpoint lacks; what else is wrong comes out again
    return recognizer_.create_stream(stream_options(prompt));
  }

  // A setting that no utterance could run with is an error, not a heap of unusable utterances.
  void check_setting() const {
    std::string prompt =
        model_.has_prompt && options_.target_lang ? *options_.target_lang : any_language(model_);
    open_stream(prompt);
  }

  // True when the slot has a stream with work: ends the one that has none left and goes on to the next
  // utterances until one has.
  bool prepare(Slot& slot, std::size_t slice) {
    while (true) {
      if (slot.stream) {
        slot.feed(slice);
        if (slot.stream->is_ready()) return true;
        close(slot);
      }
      if (next_ == utterances_.size()) return false;
      open(slot, next_++);
    }
  }

  void open(Slot& slot, std::size_t index) {
    const EvalUtterance& utterance = utterances_[index];
    UtteranceResult& result = results_[index];
    result.id = utterance.id;
    result.reference = utterance.reference;
    result.target_lang = spelled_code(utterance.target_lang);
    result.prompt_lang = prompt_of(utterance);
    slot = {};
    try {
      slot.samples = utterance.read();
      slot.stream = open_stream(result.prompt_lang);
      slot.utterance = index;
      result.seconds = seconds(slot.samples.size());
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      result.error = error.what();
    } catch (const std::filesystem::filesystem_error& error) {
      result.error = error.what();
    }
    if (!result.error.empty()) ++ended_;
  }

  void close(Slot& slot) {
    UtteranceResult& result = results_[slot.utterance];
    const Transcript& transcript = slot.stream->transcript();
    result.raw_hypothesis = transcript.text;
    result.hypothesis = text::strip_lang_tags(transcript.text);
    result.language = transcript.language;
    result.final_word_lag = final_word_lag(transcript, slot);
    score_texts(result, options_.letter_languages);
    ++ended_;
    ended_seconds_ += result.seconds;
    slot = {};
  }

  std::optional<double> final_word_lag(const Transcript& transcript, const Slot& slot) const {
    if (transcript.words.empty() || slot.given_at_chunk.empty() || model_.frame_seconds <= 0)
      return std::nullopt;
    const double end = transcript.words.back().end;
    const auto end_frame = static_cast<std::int64_t>(std::lround(end / model_.frame_seconds));
    const AttContext context = options_.att_context.value_or(model_.att_contexts.front());
    const auto chunk =
        static_cast<std::size_t>(std::max<std::int64_t>(end_frame - 1, 0) / context.chunk_frames());
    // The last frame may reach past the end of the sound.
    return std::max(0.0, slot.given_at_chunk[std::min(chunk, slot.given_at_chunk.size() - 1)] - end);
  }

  EvalProgress done() const {
    EvalProgress now{static_cast<double>(ended_), ended_seconds_};
    for (const Slot& slot : slots_) {
      if (!slot.stream) continue;
      now.utterances +=
          static_cast<double>(slot.fed) / static_cast<double>(std::max<std::size_t>(slot.samples.size(), 1));
      now.seconds += seconds(slot.fed);
    }
    return now;
  }

  const Recognizer& recognizer_;
  const ModelInfo& model_;
  std::span<const EvalUtterance> utterances_;
  const StreamingEvalOptions& options_;
  std::vector<UtteranceResult> results_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;
  std::size_t ended_ = 0;
  double ended_seconds_ = 0;
};

}  // namespace

void score_texts(UtteranceResult& result, std::span<const std::string> letter_languages) {
  const std::string reference = text::strip_lang_tags(result.reference);
  result.raw = word_edits(result.hypothesis, reference);
  const std::string heard = normalize_for_scoring(result.hypothesis, result.target_lang, letter_languages);
  const std::string spoken = normalize_for_scoring(reference, result.target_lang, letter_languages);
  const bool by_letters = is_of_language(result.target_lang, letter_languages);
  result.normalized = word_edits(heard, spoken, by_letters ? kPassageOfLetters : kPassage);
  result.characters = by_letters ? result.normalized : char_edits(heard, spoken);
  result.empty_output = heard.empty() && !spoken.empty();
  result.loops = longest_loop(heard) - longest_loop(spoken) >= (by_letters ? kLoopOfLetters : kLoop);
}

std::vector<UtteranceResult> evaluate_streaming(const Recognizer& recognizer,
                                                std::span<const EvalUtterance> utterances,
                                                const StreamingEvalOptions& options,
                                                const std::function<void(const EvalProgress&)>& progress) {
  return StreamingEvaluation(recognizer, utterances, options).run(progress);
}

}  // namespace glossa::eval
