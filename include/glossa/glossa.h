/* Speech recognition for C and for everything that calls C: the interface of glossa/recognizer.hpp.

   A recognizer holds the weights, a stream holds one utterance. Work is pulled: nothing is computed outside
   glossa_recognizer_decode() but the log-mel features of glossa_stream_accept_waveform().

     glossa_recognizer_options options;
     glossa_recognizer_options_init(&options, sizeof options);
     options.model = "nemotron.nemo";
     glossa_recognizer* recognizer;
     if (glossa_recognizer_load(&options, &recognizer) != GLOSSA_OK) die(glossa_last_error());

     glossa_stream_options stream_options;
     glossa_stream_options_init(&stream_options, sizeof stream_options);
     stream_options.target_lang = "de-DE";
     glossa_stream* stream;
     if (glossa_stream_create(recognizer, &stream_options, &stream) != GLOSSA_OK) die(glossa_last_error());

     while ((count = read_microphone(pcm)) > 0) {             // mono float in [-1, 1], info->sample_rate
       glossa_stream_accept_waveform(stream, pcm, count);
       int ready;
       while (glossa_stream_is_ready(stream, &ready) == GLOSSA_OK && ready) {
         if (glossa_recognizer_decode(recognizer, &stream, 1) != GLOSSA_OK) die(glossa_last_error());
       }
       const char* text;
       if (glossa_stream_text(stream, &text) == GLOSSA_OK) show(text);
     }
     glossa_stream_input_finished(stream);                    // then decode once more while it is ready

     glossa_stream_free(stream);
     glossa_recognizer_free(recognizer);

   examples/transcribe.c is the whole program.

   Conventions

   Handles. glossa_recognizer, glossa_language_model and glossa_stream are opaque: made by
   glossa_recognizer_load(), glossa_language_model_load() and glossa_stream_create(), given back by the
   matching _free(), which does nothing with NULL. A stream keeps what it needs of the others alive, so they
   may be freed in any order.

   Errors. Every call that can fail returns a glossa_status; GLOSSA_OK is 0. glossa_last_error() is the
   message of the last call of this thread that failed. A failed call leaves its results as they were. NULL
   where a handle or a pointer is expected is GLOSSA_INVALID_ARGUMENT. Nothing is printed, and no C++
   exception comes out.

   Ownership. Pointers that go in are read during the call and not kept. Strings and structs that come out
   belong to the handle they were asked of: those of a recognizer live as long as it does, those of a stream
   until the next call that changes the stream (accept_waveform, input_finished, set_target_lang,
   forget_closed, reset, decode) or frees it. Strings are UTF-8, end with a zero byte and are never NULL.
   Truth values are int: 0 or 1.

   Threads. Every function on a recognizer or a language model may be called from any thread at any time,
   except the one that frees it. A stream is used by one thread at a time, decode and the accessors included.

   Compatibility. Within one soname (libglossa.so.0) functions, statuses and enumerators are only ever added,
   and structs only ever grow at their end. Option structs carry their size, so that a program and a library
   of different age understand each other: options the program does not know have their defaults, and options
   the library does not know are an error unless they are left at their default, which is always 0 or NULL.
   Fill option structs with their _init() function; the size is the one the program was compiled with. Structs
   that come out are made by the library: read them through the pointer, never copy or index them by a size of
   their own. A program needs a library at least as new as the header it reads results with
   (glossa_version()). These promises are for this header; programs in C++ over recognizer.hpp are rebuilt for
   every release. */
#ifndef GLOSSA_GLOSSA_H_
#define GLOSSA_GLOSSA_H_

#include <stddef.h>
#include <stdint.h>

#include "glossa/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct glossa_recognizer glossa_recognizer;         /* immutable weights */
typedef struct glossa_stream glossa_stream;                 /* one utterance */
typedef struct glossa_language_model glossa_language_model; /* immutable n-grams */

/* The values after GLOSSA_OK are those of glossa::ErrorCode. */
typedef enum glossa_status {
  GLOSSA_OK = 0,
  GLOSSA_INTERNAL = 1,         /* a defect of glossa, or no memory */
  GLOSSA_INVALID_ARGUMENT = 2, /* the caller asked for something that does not exist or does not fit */
  GLOSSA_BAD_INPUT = 3         /* a file or model that cannot be used */
} glossa_status;

/* What went wrong in the last call of this thread that failed, "" when none did. Valid until the next one
 * fails. */
GLOSSA_API const char* glossa_last_error(void);

/* Of the library that runs, e.g. "0.1.0". */
GLOSSA_API const char* glossa_version(void);

/* ---- Recognizer ---- */

typedef struct glossa_recognizer_options {
  size_t size;         /* set by glossa_recognizer_options_init() */
  const char* model;   /* a .nemo or .gguf file, or a folder of transformers; must be set */
  const char* backend; /* "cpu", or "reference": naive loops, the oracle of the tests; NULL: "cpu" */
  int64_t threads;     /* threads that work on one decode; 0: one per core */
  const char* weights; /* number format of the weights: "f32", "bf16", "int8" or "int4"; NULL: "f32" */
  /* of the keys and values that streams remember: "f32", "bf16" or "int8"; NULL: "f32" and "bf16" with
   * weights of that format, else "int8" */
  const char* kv_cache;
  /* Weights other than f32 are packed at load, seconds for a large model. 1: the result is kept in a file,
   * which the next start only checks and maps: in weight_cache_folder, or when that is NULL beside the model,
   * or where that cannot be written to in $XDG_CACHE_HOME/glossa. */
  int64_t cache_packed_weights;
  const char* weight_cache_folder;
} glossa_recognizer_options;

/* Attention context in encoder frames. A chunk is right + 1 frames: the latency of the recognizer. */
typedef struct glossa_att_context {
  int32_t left;
  int32_t right;
} glossa_att_context;

typedef struct glossa_model_info {
  const char* name;          /* file name without extension */
  const char* backend;       /* as chosen, e.g. "cpu (avx512vnni)" */
  int64_t parameters;        /* weights of the model */
  double frame_seconds;      /* duration of one encoder frame */
  int32_t sample_rate;       /* Hz */
  int32_t hop;               /* samples from one mel frame to the next */
  int32_t vocabulary;        /* pieces, blank not counted */
  int32_t threads;           /* threads that work on one decode */
  int32_t has_prompt;        /* 0: one language, target_lang must be "auto" or empty */
  int32_t att_context_count; /* see glossa_recognizer_att_context() */
  int32_t language_count;    /* see glossa_recognizer_language() */
  const char* weights;       /* number format of the weights, as in the options */
  const char* kv_cache;      /* number format of keys and values, as in the options */
} glossa_model_info;

typedef struct glossa_language {
  const char* code;           /* e.g. "en-US" */
  const char* const* aliases; /* other names of the same language, e.g. "en"; ends with NULL */
  int32_t prompt_slot;
} glossa_language;

typedef struct glossa_alternative {
  const char* text;
  double score; /* ln of its probability since the stream began, blanks counted; greedy: sum of log_prob */
} glossa_alternative;

/* Sets every option to its default and options->size to size, which is sizeof *options. */
GLOSSA_API glossa_status glossa_recognizer_options_init(glossa_recognizer_options* options, size_t size);

/* GLOSSA_BAD_INPUT when the file is not a checkpoint glossa can run, GLOSSA_INVALID_ARGUMENT for wrong
 * options. */
GLOSSA_API glossa_status glossa_recognizer_load(const glossa_recognizer_options* options,
                                                glossa_recognizer** recognizer);
GLOSSA_API void glossa_recognizer_free(glossa_recognizer* recognizer);

GLOSSA_API glossa_status glossa_recognizer_info(const glossa_recognizer* recognizer,
                                                const glossa_model_info** info);

/* Attention contexts as listed in the checkpoint; the first is the default. */
GLOSSA_API glossa_status glossa_recognizer_att_context(const glossa_recognizer* recognizer, size_t index,
                                                       const glossa_att_context** att_context);

/* Languages in order of prompt slot; none without prompt. */
GLOSSA_API glossa_status glossa_recognizer_language(const glossa_recognizer* recognizer, size_t index,
                                                    const glossa_language** language);

/* One step: takes the next chunk of every stream that is ready and decodes them as one batch, whatever their
   latency settings and languages. Streams that are not ready are left alone. The result of a stream does not
   depend on the others in the batch, bit for bit. Streams must be distinct and made by this recognizer. */
GLOSSA_API glossa_status glossa_recognizer_decode(const glossa_recognizer* recognizer,
                                                  glossa_stream* const* streams, size_t count);

/* An ARPA file over this checkpoint's pieces, as `glossa lm` and NeMo's train_kenlm.py write. Any number of
   streams may share it. GLOSSA_BAD_INPUT, naming file and line, for another file. */
GLOSSA_API glossa_status glossa_language_model_load(const glossa_recognizer* recognizer, const char* path,
                                                    glossa_language_model** language_model);
GLOSSA_API void glossa_language_model_free(glossa_language_model* language_model);

/* ---- Stream ---- */

/* How audio is cut into encoder chunks. All modes share the encoder; they differ at the two ends of a stream.
 */
typedef enum glossa_streaming_mode {
  GLOSSA_STREAMING_EXACT = 0,       /* the masked offline result, chunk by chunk */
  GLOSSA_STREAMING_NEMO_BUFFER = 1, /* NeMo's CacheAwareStreamingAudioBuffer, step by step */
  GLOSSA_STREAMING_UNIFORM = 2,     /* as NeMo with pad_and_drop_preencoded=true */
  GLOSSA_STREAMING_OFFLINE = 3      /* as EXACT, many chunks a step: throughput instead of latency */
} glossa_streaming_mode;

typedef struct glossa_stream_options {
  size_t size;                           /* set by glossa_stream_options_init() */
  const glossa_att_context* att_context; /* any with left % (right + 1) == 0; NULL: the checkpoint's first */
  const char* target_lang;               /* a code of the checkpoint, or an alias of one; NULL: "auto" */
  int32_t unknown_lang_is_auto;          /* 1: an unknown target_lang counts as "auto" instead of an error */
  int32_t mode;                          /* a glossa_streaming_mode */
  int32_t max_symbols;           /* labels per encoder frame at most; 0: the checkpoint's own number */
  int32_t keep_lang_tags;        /* 1: leave tags such as <en-US> in the text */
  int64_t nemo_batch_mel_frames; /* NeMo modes: frames of the longest stream of NeMo's batch; 0: this one */
  /* Phrases that the speaker is likely to say, as they should be written; ends with NULL. NULL: none. */
  const char* const* boosted_phrases;
  double boost; /* their score in nats, up to 5; 0: 2.5 */
  /* Weighs in wherever the model hears something; NULL: none. The stream keeps it. */
  const glossa_language_model* language_model;
  double lm_alpha; /* its weight, up to 5; 0: 0.3 */
  /* Seconds of digital silence that the model hears behind the sound after glossa_stream_input_finished(), up
   * to 10; recordings that end with the last syllable need some 0.5. Times stay within the sound. */
  double final_silence;
  int64_t beam_size; /* hypotheses that the search keeps, up to 64; 0 or 1: greedy search */
  /* A second search of this lower latency hears the same sound: glossa_stream_drafted_text(). NULL: none. */
  const glossa_att_context* draft_att_context;
  /* Beam search: a label is settled so many seconds, up to 60, behind its frame at the latest, or with its
     chunk where that is longer, as the best hypothesis has it. 0: it waits until all agree or the stream
     ends; who wants it settled at once says 0.001. */
  double settle_delay;
} glossa_stream_options;

typedef struct glossa_token {
  int32_t id;
  int32_t frame;    /* encoder frame of emission, counted from the start of the stream */
  float log_prob;   /* natural logarithm of its probability */
  float confidence; /* 0..1 */
  int32_t boosted;  /* 1: without boosted_phrases another label would have come */
} glossa_token;

typedef struct glossa_word {
  const char* text;
  const char* language; /* of the language tag that closes its sentence; "" when none has come yet */
  double start;         /* seconds */
  double end;           /* seconds; punctuation marks behind the word do not count */
  float confidence;     /* smallest of its tokens */
} glossa_word;

typedef struct glossa_sentence {
  const char* text;
  const char* language; /* of its closing tag; "" when none came */
  double start;         /* seconds */
  double end;           /* seconds */
} glossa_sentence;

/* Sets every option to its default and options->size to size, which is sizeof *options. */
GLOSSA_API glossa_status glossa_stream_options_init(glossa_stream_options* options, size_t size);

/* GLOSSA_INVALID_ARGUMENT for an unusable latency or language. */
GLOSSA_API glossa_status glossa_stream_create(const glossa_recognizer* recognizer,
                                              const glossa_stream_options* options, glossa_stream** stream);
GLOSSA_API void glossa_stream_free(glossa_stream* stream);

/* Appends mono samples at the model's sample rate, any number at a time; how they are sliced never changes
   the result. Floats are nominally in [-1, 1]; NaN and infinity count as 0. GLOSSA_INVALID_ARGUMENT after
   glossa_stream_input_finished(). */
GLOSSA_API glossa_status glossa_stream_accept_waveform(glossa_stream* stream, const float* samples,
                                                       size_t count);
GLOSSA_API glossa_status glossa_stream_accept_waveform_s16(glossa_stream* stream, const int16_t* samples,
                                                           size_t count);

/* No more audio will come. What is left is decoded by the following glossa_recognizer_decode() calls. */
GLOSSA_API glossa_status glossa_stream_input_finished(glossa_stream* stream);

/* 1: a whole chunk is buffered, or the rest of the audio after glossa_stream_input_finished(). */
GLOSSA_API glossa_status glossa_stream_is_ready(const glossa_stream* stream, int* ready);

/* Takes effect at the next chunk, legal at any time. GLOSSA_INVALID_ARGUMENT, with the nearest codes in the
   message, when the checkpoint has no such language. */
GLOSSA_API glossa_status glossa_stream_set_target_lang(glossa_stream* stream, const char* target_lang);

/* Drops what is known of everything up to the last language tag, so that a stream without end does not grow:
   text, score, sentences, words and tokens are those behind it from now on. Times go on, and so does the
   search. */
GLOSSA_API glossa_status glossa_stream_forget_closed(glossa_stream* stream);

/* Back to a stream as glossa_stream_create() made it, options included. */
GLOSSA_API glossa_status glossa_stream_reset(glossa_stream* stream);

/* What is settled so far: it only ever grows, but for white space at its end, which goes where a full stop
   follows, and a character that a chunk's border cuts in two, which is U+FFFD until it is whole. */
GLOSSA_API glossa_status glossa_stream_text(const glossa_stream* stream, const char** text);
/* The text, white space at its end aside, and behind it what may still be written anew: what the best
   hypothesis of beam search has, and then what the draft has heard since. At the end of the stream, and in
   greedy search without draft_att_context, the text alone. */
GLOSSA_API glossa_status glossa_stream_drafted_text(const glossa_stream* stream, const char** text);
GLOSSA_API glossa_status glossa_stream_language(const glossa_stream* stream,
                                                const char** language); /* first tag */
GLOSSA_API glossa_status glossa_stream_duration(const glossa_stream* stream,
                                                double* seconds); /* audio accepted */
/* Seconds of audio of which all words are settled, in whole encoder frames: more begin behind it, so that the
   speaker has paused since the end of the last word for as long as lies between. */
GLOSSA_API glossa_status glossa_stream_settled(const glossa_stream* stream, double* seconds);
GLOSSA_API glossa_status glossa_stream_score(const glossa_stream* stream,
                                             double* score); /* sum of log_prob */

GLOSSA_API glossa_status glossa_stream_sentence_count(const glossa_stream* stream, size_t* count);
GLOSSA_API glossa_status glossa_stream_sentence(const glossa_stream* stream, size_t index,
                                                const glossa_sentence** sentence);
GLOSSA_API glossa_status glossa_stream_word_count(const glossa_stream* stream, size_t* count);
GLOSSA_API glossa_status glossa_stream_word(const glossa_stream* stream, size_t index,
                                            const glossa_word** word);
GLOSSA_API glossa_status glossa_stream_token_count(const glossa_stream* stream, size_t* count);
GLOSSA_API glossa_status glossa_stream_token(const glossa_stream* stream, size_t index,
                                             const glossa_token** token);

/* What the search holds now, the best first, and up to beam_size - 1 others. At the end of the stream the
   first is the text. */
GLOSSA_API glossa_status glossa_stream_alternative_count(const glossa_stream* stream, size_t* count);
GLOSSA_API glossa_status glossa_stream_alternative(const glossa_stream* stream, size_t index,
                                                   const glossa_alternative** alternative);

#ifdef __cplusplus
}
#endif

#endif /* GLOSSA_GLOSSA_H_ */
