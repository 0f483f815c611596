/* The C interface seen from C: every function once, on a model given on the command line, and what C must be
 * spared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glossa/glossa.h"

#define EXPECT(condition)                                                                                  \
  do {                                                                                                     \
    if (!(condition)) {                                                                                    \
      fprintf(stderr, "%s:%d: %s\nlast error: %s\n", __FILE__, __LINE__, #condition, glossa_last_error()); \
      exit(1);                                                                                             \
    }                                                                                                      \
  } while (0)
#define EXPECT_OK(call) EXPECT((call) == GLOSSA_OK)
#define EXPECT_INVALID(call) EXPECT((call) == GLOSSA_INVALID_ARGUMENT)

static void test_null(glossa_recognizer* recognizer, glossa_stream* stream) {
  const glossa_model_info* info;
  const glossa_att_context* context;
  const glossa_language* language;
  const glossa_sentence* sentence;
  const glossa_word* word;
  const glossa_token* token;
  const char* text;
  const float sample = 0;
  const int16_t sample_s16 = 0;
  double number;
  size_t count;
  int ready;
  glossa_recognizer_options options;
  glossa_stream_options stream_options;
  glossa_recognizer* no_recognizer = NULL;
  glossa_stream* no_stream = NULL;

  EXPECT_INVALID(glossa_recognizer_options_init(NULL, sizeof options));
  EXPECT_OK(glossa_recognizer_options_init(&options, sizeof options));
  EXPECT_INVALID(glossa_recognizer_load(NULL, &no_recognizer));
  EXPECT_INVALID(glossa_recognizer_load(&options, NULL));
  EXPECT_INVALID(glossa_recognizer_load(&options, &no_recognizer)); /* no model */
  EXPECT(strcmp(glossa_last_error(), "options->model is NULL") == 0);
  EXPECT(no_recognizer == NULL);
  EXPECT_INVALID(glossa_recognizer_info(NULL, &info));
  EXPECT_INVALID(glossa_recognizer_info(recognizer, NULL));
  EXPECT_INVALID(glossa_recognizer_att_context(NULL, 0, &context));
  EXPECT_INVALID(glossa_recognizer_att_context(recognizer, 0, NULL));
  EXPECT_INVALID(glossa_recognizer_language(NULL, 0, &language));
  EXPECT_INVALID(glossa_recognizer_language(recognizer, 0, NULL));
  EXPECT_INVALID(glossa_recognizer_decode(NULL, &stream, 1));
  EXPECT_INVALID(glossa_recognizer_decode(recognizer, NULL, 1));
  EXPECT_INVALID(glossa_recognizer_decode(recognizer, &no_stream, 1));
  EXPECT(strcmp(glossa_last_error(), "streams[0] is NULL") == 0);
  EXPECT_OK(glossa_recognizer_decode(recognizer, NULL, 0));

  EXPECT_INVALID(glossa_stream_options_init(NULL, sizeof stream_options));
  EXPECT_OK(glossa_stream_options_init(&stream_options, sizeof stream_options));
  EXPECT_INVALID(glossa_stream_create(NULL, &stream_options, &no_stream));
  EXPECT_INVALID(glossa_stream_create(recognizer, NULL, &no_stream));
  EXPECT_INVALID(glossa_stream_create(recognizer, &stream_options, NULL));
  EXPECT(no_stream == NULL);
  EXPECT_INVALID(glossa_stream_accept_waveform(NULL, &sample, 1));
  EXPECT_INVALID(glossa_stream_accept_waveform(stream, NULL, 1));
  EXPECT_OK(glossa_stream_accept_waveform(stream, NULL, 0));
  EXPECT_INVALID(glossa_stream_accept_waveform_s16(NULL, &sample_s16, 1));
  EXPECT_INVALID(glossa_stream_accept_waveform_s16(stream, NULL, 1));
  EXPECT_OK(glossa_stream_accept_waveform_s16(stream, NULL, 0));
  EXPECT_INVALID(glossa_stream_input_finished(NULL));
  EXPECT_INVALID(glossa_stream_is_ready(NULL, &ready));
  EXPECT_INVALID(glossa_stream_is_ready(stream, NULL));
  EXPECT_INVALID(glossa_stream_set_target_lang(NULL, "auto"));
  EXPECT_INVALID(glossa_stream_set_target_lang(stream, NULL));
  EXPECT_INVALID(glossa_stream_reset(NULL));
  EXPECT_INVALID(glossa_stream_forget_closed(NULL));
  EXPECT_INVALID(glossa_stream_text(NULL, &text));
  EXPECT_INVALID(glossa_stream_text(stream, NULL));
  EXPECT_INVALID(glossa_stream_drafted_text(NULL, &text));
  EXPECT_INVALID(glossa_stream_drafted_text(stream, NULL));
  EXPECT_INVALID(glossa_stream_language(NULL, &text));
  EXPECT_INVALID(glossa_stream_language(stream, NULL));
  EXPECT_INVALID(glossa_stream_duration(NULL, &number));
  EXPECT_INVALID(glossa_stream_duration(stream, NULL));
  EXPECT_INVALID(glossa_stream_settled(NULL, &number));
  EXPECT_INVALID(glossa_stream_settled(stream, NULL));
  EXPECT_INVALID(glossa_stream_score(NULL, &number));
  EXPECT_INVALID(glossa_stream_score(stream, NULL));
  EXPECT_INVALID(glossa_stream_sentence_count(NULL, &count));
  EXPECT_INVALID(glossa_stream_sentence_count(stream, NULL));
  EXPECT_INVALID(glossa_stream_sentence(NULL, 0, &sentence));
  EXPECT_INVALID(glossa_stream_sentence(stream, 0, NULL));
  EXPECT_INVALID(glossa_stream_word_count(NULL, &count));
  EXPECT_INVALID(glossa_stream_word_count(stream, NULL));
  EXPECT_INVALID(glossa_stream_word(NULL, 0, &word));
  EXPECT_INVALID(glossa_stream_word(stream, 0, NULL));
  EXPECT_INVALID(glossa_stream_token_count(NULL, &count));
  EXPECT_INVALID(glossa_stream_token_count(stream, NULL));
  EXPECT_INVALID(glossa_stream_token(NULL, 0, &token));
  EXPECT_INVALID(glossa_stream_token(stream, 0, NULL));
  glossa_recognizer_free(NULL);
  glossa_stream_free(NULL);
}

static void test_info(const glossa_recognizer* recognizer) {
  const glossa_model_info* info = NULL;
  EXPECT_OK(glossa_recognizer_info(recognizer, &info));
  EXPECT(strcmp(info->name, "tiny") == 0);
  EXPECT(info->sample_rate == 16000 && info->vocabulary == 256 && info->threads == 2 &&
         info->has_prompt == 1);
  EXPECT(info->frame_seconds > 0.0799 && info->frame_seconds < 0.0801);
  EXPECT(info->parameters > 100000);
  EXPECT(info->backend[0] != '\0');

  const glossa_att_context* context = NULL;
  EXPECT(info->att_context_count == 5);
  EXPECT_OK(glossa_recognizer_att_context(recognizer, 0, &context));
  EXPECT(context->left == 56 && context->right == 13);
  EXPECT_INVALID(glossa_recognizer_att_context(recognizer, 5, &context));
  EXPECT(context->left == 56); /* a failed call leaves its result alone */

  int found = 0;
  for (int32_t index = 0; index < info->language_count; ++index) {
    const glossa_language* language = NULL;
    EXPECT_OK(glossa_recognizer_language(recognizer, (size_t)index, &language));
    if (strcmp(language->code, "de-DE") != 0) continue;
    for (const char* const* alias = language->aliases; *alias != NULL; ++alias) {
      if (strcmp(*alias, "de") == 0) found = 1;
    }
  }
  EXPECT(found);
}

static void decode(const glossa_recognizer* recognizer, glossa_stream* stream) {
  int ready = 0;
  EXPECT_OK(glossa_stream_is_ready(stream, &ready));
  while (ready) {
    EXPECT_OK(glossa_recognizer_decode(recognizer, &stream, 1));
    EXPECT_OK(glossa_stream_is_ready(stream, &ready));
  }
}

/* Noise without a library: what is recognised in it does not matter here, c_api_test compares transcripts. */
static void test_stream(const glossa_recognizer* recognizer, glossa_stream* stream) {
  enum { SAMPLES = 48000 };
  static int16_t noise[SAMPLES];
  uint32_t state = 1;
  for (int index = 0; index < SAMPLES; ++index) {
    state = state * 1664525u + 1013904223u;
    noise[index] = (int16_t)((int32_t)(state >> 17) - 16384);
  }
  EXPECT_OK(glossa_stream_set_target_lang(stream, "de-DE"));
  EXPECT_OK(glossa_stream_accept_waveform_s16(stream, noise, SAMPLES));
  decode(recognizer, stream);
  EXPECT_OK(glossa_stream_input_finished(stream));
  EXPECT_INVALID(glossa_stream_accept_waveform_s16(stream, noise, 1));
  decode(recognizer, stream);
  double seconds = 0;
  double score = 1;
  size_t count = 0;
  const char* text = NULL;
  const char* language = NULL;
  EXPECT_OK(glossa_stream_duration(stream, &seconds));
  EXPECT(seconds == 3.0);
  EXPECT_OK(glossa_stream_settled(stream, &seconds));
  EXPECT(seconds > 2.99 && seconds < 3.08); /* whole frames of 0.08 s */
  EXPECT_OK(glossa_stream_score(stream, &score));
  EXPECT(score <= 0);
  EXPECT_OK(glossa_stream_text(stream, &text));
  EXPECT_OK(glossa_stream_language(stream, &language));
  EXPECT(text != NULL && language != NULL);
  EXPECT_OK(glossa_stream_sentence_count(stream, &count));
  for (size_t index = 0; index < count; ++index) {
    const glossa_sentence* sentence = NULL;
    EXPECT_OK(glossa_stream_sentence(stream, index, &sentence));
    EXPECT(sentence->text != NULL && sentence->language != NULL && sentence->start <= sentence->end);
  }
  EXPECT_OK(glossa_stream_word_count(stream, &count));
  for (size_t index = 0; index < count; ++index) {
    const glossa_word* word = NULL;
    EXPECT_OK(glossa_stream_word(stream, index, &word));
    EXPECT(word->text != NULL && word->language != NULL && word->start <= word->end);
  }
  EXPECT_OK(glossa_stream_token_count(stream, &count));
  for (size_t index = 0; index < count; ++index) {
    const glossa_token* token = NULL;
    EXPECT_OK(glossa_stream_token(stream, index, &token));
    EXPECT(token->id >= 0 && token->id < 256 && token->log_prob <= 0);
  }
  EXPECT_OK(glossa_stream_forget_closed(stream));
  EXPECT_OK(glossa_stream_reset(stream));
  EXPECT_OK(glossa_stream_duration(stream, &seconds));
  EXPECT(seconds == 0);
}

int main(int argc, char** argv) {
  EXPECT(argc == 2);
  EXPECT(glossa_version()[0] != '\0');
  EXPECT(glossa_last_error()[0] == '\0');
  glossa_recognizer_options options;
  EXPECT_OK(glossa_recognizer_options_init(&options, sizeof options));
  options.model = argv[1];
  options.threads = 2;
  glossa_recognizer* recognizer = NULL;
  EXPECT_OK(glossa_recognizer_load(&options, &recognizer));
  const glossa_att_context low_latency = {56, 3};
  glossa_stream_options stream_options;
  EXPECT_OK(glossa_stream_options_init(&stream_options, sizeof stream_options));
  stream_options.att_context = &low_latency;
  glossa_stream* stream = NULL;
  EXPECT_OK(glossa_stream_create(recognizer, &stream_options, &stream));

  test_null(recognizer, stream);
  test_info(recognizer);
  test_stream(recognizer, stream);

  glossa_recognizer_free(recognizer);
  EXPECT_OK(glossa_stream_reset(stream)); /* it has kept what it needs */
  glossa_stream_free(stream);
  return 0;
}
