// Speech recognition: a Recognizer holds the weights, a Stream holds one utterance.
//
//   auto recognizer = glossa::Recognizer::load({.model = "nemotron.nemo"});
//   auto stream = recognizer->create_stream({.target_lang = "de-DE"});
//   glossa::Stream* ready[] = {stream.get()};
//   while (auto pcm = microphone.read()) {            // mono float in [-1, 1], info().sample_rate
//     stream->accept_waveform(*pcm);
//     while (stream->is_ready()) recognizer->decode(ready);
//     show(stream->transcript().text);
//   }
//   stream->input_finished();
//   while (stream->is_ready()) recognizer->decode(ready);
//
// Work is pulled, by the caller's thread: accept_waveform() computes log-mel features, decode() runs the
// model, and transcript() puts text together.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "glossa/export.h"
#include "glossa/types.hpp"

namespace glossa {

// One utterance. Not thread-safe: one thread at a time may use a stream, decode() included.
class GLOSSA_API Stream {
 public:
  virtual ~Stream();

  // Appends samples: mono, ModelInfo::sample_rate, nominally in [-1, 1]. Any number at a time; how they are
  // sliced never changes the result. Louder samples are used as they are, up to 65536; NaN and infinity count
  // as 0. Error kInvalidArgument after input_finished().
  virtual void accept_waveform(std::span<const float> pcm) = 0;

  // No more audio will come. What is left is decoded by the following decode() calls.
  virtual void input_finished() = 0;

  // A whole chunk is buffered, or the rest of the audio after input_finished().
  virtual bool is_ready() const = 0;

  // What is settled so far: it only ever grows, but for white space at the end of its text, which goes where
  // a full stop follows, and a character that a chunk's border cuts in two, which is U+FFFD until it is
  // whole. Valid until the next call that changes the stream.
  virtual const Transcript& transcript() const = 0;

  // transcript(), and behind it what may still be written anew: what the best hypothesis of beam search has,
  // and then what the draft has heard since. Its first transcript().tokens.size() tokens are transcript()'s,
  // and its text begins with transcript()'s, white space at the end aside. At the end of the stream, and
  // in greedy search without StreamOptions::draft_att_context, transcript() alone. A copy: forget_closed()
  // keeps it small.
  virtual Transcript drafted() const = 0;

  // What the search holds now, the best first, and up to beam_size - 1 others; of a draft nothing. The order
  // is NeMo's: by score per label (score_norm). At the end of the stream the first is transcript().
  virtual std::vector<Alternative> alternatives() const = 0;

  // Drops what transcript() says up to the last language tag that is settled, so that a stream without end
  // does not grow: text, score, sentences, words and tokens are those behind it from now on. Times go on, and
  // so does the search.
  virtual void forget_closed() = 0;

  // Takes effect at the next chunk. Legal at any time: the encoder's caches know no language.
  // Error kInvalidArgument, with the nearest codes, when the checkpoint has no such language.
  virtual void set_target_lang(std::string_view lang) = 0;

  // Back to a stream as create_stream() made it, options included.
  virtual void reset() = 0;
};

// An n-gram language model over a checkpoint's pieces. Immutable; any thread may use it, any number of
// streams share it.
class GLOSSA_API LanguageModel {
 public:
  virtual ~LanguageModel();
  virtual int order() const = 0;           // labels of its longest n-grams
  virtual std::size_t ngrams() const = 0;  // of all lengths
};

// Immutable weights. Every member function may be called from any thread.
class GLOSSA_API Recognizer {
 public:
  // Error kBadInput when the file is not a checkpoint glossa can run, kInvalidArgument for wrong options.
  static std::shared_ptr<const Recognizer> load(const RecognizerOptions& options);

  virtual ~Recognizer();
  virtual const ModelInfo& info() const = 0;

  // An ARPA file over this checkpoint's pieces, spelt as NeMo's train_kenlm.py and `glossa lm` do. Error
  // kBadInput, naming file and line, for another file.
  virtual std::shared_ptr<const LanguageModel> load_language_model(
      const std::filesystem::path& path) const = 0;

  // The stream keeps the recogniser and its language model alive. Error kInvalidArgument for an unusable
  // latency or language, or a language model of another vocabulary.
  virtual std::unique_ptr<Stream> create_stream(const StreamOptions& options) const = 0;

  // One step: takes the next chunk of every stream that is_ready() and decodes them as one batch, whatever
  // their latency settings and languages. Streams that are not ready are left alone. The result of a stream
  // does not depend on the others in the batch, bit for bit. Streams must be distinct and made by this
  // recogniser, else Error kInvalidArgument before anything is done. Should decode() throw anything else (no
  // memory), reset() the streams.
  virtual void decode(std::span<Stream* const> streams) const = 0;
};

}  // namespace glossa
