// Plain types of the public interface: options that go in, transcripts that come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "glossa/error.hpp"

namespace glossa {

// Attention context in encoder frames (NeMo: att_context_size). One encoder frame is 80 ms of audio for a
// subsampling factor of 8 and a mel hop of 10 ms. A chunk is right + 1 frames: the latency of the recogniser.
struct AttContext {
  int left = 0;
  int right = 0;
  int chunk_frames() const { return right + 1; }
  friend bool operator==(const AttContext&, const AttContext&) = default;
};

// How audio is cut into encoder chunks. All modes share the encoder; they differ at the two ends of a stream.
enum class StreamingMode {
  kExact,       // the masked offline result, chunk by chunk; every frame of sound is used
  kNemoBuffer,  // NeMo's CacheAwareStreamingAudioBuffer: counts the trailing zero frame as sound, drops a
                // tail of fewer than 8 mel frames, feeds 9 old mel frames again instead of caching the
                // subsampling
  kUniform,     // as kNemoBuffer with pad_and_drop_preencoded=true: every chunk, the first too, has the same
                // length
  kOffline,     // as kExact, but one step takes many chunks at once: throughput instead of latency
};

// The number format that weights are kept and multiplied in. A few small matrices stay in a wider one.
enum class WeightFormat {
  kF32,   // as in an f32 checkpoint, used in place
  kBF16,  // activations stay f32
  kInt8,  // a scale per output; activations in 8 bits with a scale per row
  kInt4,  // a whole factor per 16 inputs and a scale per output; activations as with kInt8
};

// The number format of the keys and values that a stream remembers.
enum class CacheFormat {
  kAuto,  // f32 with f32 weights, bf16 with bf16 weights, int8 with the others
  kF32,
  kBF16,
  kInt8,  // a scale per frame and head
};

struct RecognizerOptions {
  std::filesystem::path model;  // a .nemo or .gguf file, or a folder of transformers
  int threads = 0;              // threads that work on one decode(); 0: one per core
  std::string backend = "cpu";  // "cpu", or "reference": naive loops in f32, the oracle of the tests
  WeightFormat weights = WeightFormat::kF32;
  CacheFormat kv_cache = CacheFormat::kAuto;
  // What streams without an att_context have, first in ModelInfo::att_contexts; none: the checkpoint's first.
  std::optional<AttContext> default_att_context;
  // Weights other than f32 are packed at load, which takes seconds for a large model. true: the result is
  // kept in a file, and the next start only checks and maps it. The file lies in weight_cache_folder, which
  // is made, or when that is empty beside the model, or where that cannot be written to in
  // $XDG_CACHE_HOME/glossa
  // (~/.cache/glossa). A file that cannot be written is a warning in the log, never an error.
  bool cache_packed_weights = false;
  std::filesystem::path weight_cache_folder;
  // Called while weights are packed, by the thread that loads: the part that is done, 0 to 1. Not called when
  // there is nothing to pack. What it throws leaves load().
  std::function<void(double)> on_packing;
};

// Words that the speaker is likely to say: names, products, terms.
inline constexpr float kDefaultBoost = 2.5f;
inline constexpr float kMostBoost = 5;
struct BoostedPhrase {
  std::string text;             // as the transcript should have it; its first letter may become a capital
  float score = kDefaultBoost;  // in nats; above 0, up to kMostBoost
};

// How much of a language model's log-probability is added to the labels' logits.
inline constexpr float kDefaultLmAlpha = 0.3f;
inline constexpr float kMostLmAlpha = 5;
class LanguageModel;  // glossa/recognizer.hpp

// What programs add behind a recording: people stop recording, and voice activity detectors stop sending,
// with the last syllable, and the model writes it, the full stop and the language's tag only when it hears
// that nothing follows.
inline constexpr double kDefaultFinalSilence = 0.48;
inline constexpr double kMostFinalSilence = 10;

inline constexpr int kDefaultBeam = 4;  // of programs that are told to search with a beam
inline constexpr int kMostBeam = 64;
// Of programs that show live text: long enough for a beam's hypotheses to agree where they will, short enough
// to wait for.
inline constexpr double kDefaultSettleDelay = 0.48;
inline constexpr double kMostSettleDelay = 60;

struct StreamOptions {
  std::optional<AttContext> att_context;  // none: the checkpoint's first. Any pair up to 512 with
                                          // left a multiple of right + 1
  std::string target_lang = "auto";       // a code of the checkpoint's prompt table, or an alias of one
  bool unknown_lang_is_auto = false;      // an unknown target_lang falls back to "auto" instead of an error
  StreamingMode mode = StreamingMode::kExact;
  int max_symbols = 0;          // labels per encoder frame at most, up to 1000; 0: the checkpoint's own
  bool keep_lang_tags = false;  // leave tags such as <en-US> in the text
  // The search leans towards these, greedy search only where the model hears something; at most 5,000 of 200
  // bytes, and 50,000 pieces in all. Token::boosted tells what they changed.
  std::vector<BoostedPhrase> boosted_phrases;
  // Weighs in on which label it is; in greedy search whether it is one is the model's alone to say. Null:
  // none.
  std::shared_ptr<const LanguageModel> language_model;
  float lm_alpha = kDefaultLmAlpha;  // above 0 and at most kMostLmAlpha
  // Hypotheses that the search keeps, up to kMostBeam; 1: greedy search, in which every label is settled at
  // once. With more, those are settled that all hypotheses have, and at the end of the stream the best one's.
  int beam_size = 1;
  // Of beam search: a label is settled so many seconds, 0 to kMostSettleDelay, behind its frame at the
  // latest, or with its chunk where that is longer, as the best hypothesis has it, whatever the others have.
  // None: it may wait until the end, as in NeMo.
  std::optional<double> settle_delay;
  // Draft and settle: a second search, greedy and of this lower latency, hears the same sound, and
  // Stream::drafted() has its words behind the transcript until that has its own. A chunk must be shorter
  // than one of att_context. The stream needs the memory and the work of two. None: no draft.
  std::optional<AttContext> draft_att_context;
  // Seconds of digital silence that the model hears behind the sound after input_finished(); 0 to
  // kMostFinalSilence. Times of words and Transcript::duration stay within the sound.
  double final_silence = 0;
  // kNemoBuffer and kUniform only: mel frames (samples / hop + 1) of the longest stream of the batch that
  // NeMo would have formed. There, a tail of fewer than 8 mel frames is dropped only for the longest stream.
  // 0: this one.
  int64_t nemo_batch_mel_frames = 0;
};

struct Token {
  int id = 0;
  int frame = 0;         // encoder frame of emission, counted from the start of the stream
  float log_prob = 0;    // natural logarithm of its probability
  float confidence = 0;  // 0..1, normalised Tsallis entropy (alpha 0.33, as NeMo) of the distribution
  bool boosted = false;  // without boosted_phrases another label would have come
};

struct Word {
  std::string text;
  double start = 0;             // seconds
  double end = 0;               // seconds; without punctuation marks, which are written when it is long over
  float confidence = 0;         // smallest of its tokens
  std::string language;         // of the language tag that closes its sentence; empty when none has come yet
  std::size_t first_token = 0;  // its tokens are [first_token, last_token) of Transcript::tokens
  std::size_t last_token = 0;
};

struct Sentence {
  std::string text;
  std::string language;         // of its closing tag; empty when none came
  double start = 0;             // seconds
  double end = 0;               // seconds, of its last word
  std::size_t first_token = 0;  // its tokens, with a closing tag, are [first_token, last_token) of
  std::size_t last_token = 0;   // Transcript::tokens
};

struct Transcript {
  std::string text;      // without tags unless StreamOptions::keep_lang_tags
  std::string language;  // first tag of the transcript, empty when none
  std::vector<Sentence> sentences;
  std::vector<Word> words;
  std::vector<Token> tokens;  // every emitted label, tags included
  double duration = 0;        // seconds of audio accepted so far
  double decoded = 0;  // seconds of audio, in whole encoder frames, that words can have come from so far
  double settled = 0;  // seconds of audio of which all words are settled: more begin behind it. In greedy
                       // search and at the end of the stream `decoded`
  double score = 0;    // sum of the tokens' log_prob
};

// One of the search's hypotheses.
struct Alternative {
  std::string text;           // as Transcript::text
  std::vector<Token> tokens;  // as Transcript::tokens
  // Greedy: Transcript::score. Beam search: ln of the probability of its labels since the stream began,
  // blanks and all merged alignments counted, with what the language model and boosted phrases add. As in
  // NeMo alignments of different frames are merged at the borders of chunks.
  double score = 0;
};

struct Language {
  std::string code;  // e.g. "en-US"
  int prompt_slot = 0;
  std::vector<std::string> aliases;  // other keys of the same slot, e.g. "en"
};

struct ModelInfo {
  std::string name;          // file name without extension
  int sample_rate = 0;       // Hz
  int hop = 0;               // samples from one mel frame to the next
  int vocabulary = 0;        // pieces, blank not counted
  double frame_seconds = 0;  // duration of one encoder frame
  std::int64_t parameters = 0;
  bool has_prompt = false;               // false: one language, target_lang must be "auto" or empty
  std::vector<AttContext> att_contexts;  // as listed in the checkpoint; the first is the default
  std::vector<Language> languages;       // in order of prompt slot
  std::string backend;                   // as chosen, e.g. "cpu (avx512vnni)"
  WeightFormat weights = WeightFormat::kF32;
  CacheFormat kv_cache = CacheFormat::kF32;  // never kAuto
  int threads = 0;
};

}  // namespace glossa
