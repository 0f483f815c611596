/* transcribe MODEL.nemo AUDIO.wav [LANG]: prints the growing text of a 16-bit mono WAV file, then words with
   times. The C twin of transcribe.cc. */
#include <stdio.h>
#include <stdlib.h>

#include "glossa/glossa.h"

static void check(glossa_status status) {
  if (status == GLOSSA_OK) return;
  fprintf(stderr, "transcribe: %s\n", glossa_last_error());
  exit((int)status);
}

static void decode(const glossa_recognizer* recognizer, glossa_stream* stream) {
  int ready = 0;
  check(glossa_stream_is_ready(stream, &ready));
  while (ready) {
    check(glossa_recognizer_decode(recognizer, &stream, 1));
    check(glossa_stream_is_ready(stream, &ready));
  }
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: transcribe MODEL.nemo AUDIO.wav [LANG]\n");
    return 2;
  }
  glossa_recognizer_options options;
  check(glossa_recognizer_options_init(&options, sizeof options));
  options.model = argv[1];
  glossa_recognizer* recognizer = NULL;
  check(glossa_recognizer_load(&options, &recognizer));
  const glossa_model_info* info = NULL;
  check(glossa_recognizer_info(recognizer, &info));

  glossa_stream_options stream_options;
  check(glossa_stream_options_init(&stream_options, sizeof stream_options));
  if (argc > 3) stream_options.target_lang = argv[3];
  glossa_stream* stream = NULL;
  check(glossa_stream_create(recognizer, &stream_options, &stream));

  FILE* audio = fopen(argv[2], "rb");
  if (audio == NULL || fseek(audio, 44, SEEK_SET) != 0) { /* a plain WAV header; the samples follow */
    fprintf(stderr, "transcribe: cannot read %s\n", argv[2]);
    return 3;
  }
  const size_t piece = (size_t)(info->sample_rate * 80 / 1000);
  int16_t* samples = malloc(piece * sizeof *samples);
  if (samples == NULL) return 1;
  const char* text = "";
  for (size_t count; (count = fread(samples, sizeof *samples, piece, audio)) > 0;) {
    check(glossa_stream_accept_waveform_s16(stream, samples, count));
    decode(recognizer, stream);
    check(glossa_stream_text(stream, &text));
    fprintf(stderr, "... %s\n", text);
  }
  free(samples);
  fclose(audio);
  check(glossa_stream_input_finished(stream));
  decode(recognizer, stream);

  check(glossa_stream_text(stream, &text));
  printf("%s\n", text);
  size_t words = 0;
  check(glossa_stream_word_count(stream, &words));
  for (size_t index = 0; index < words; ++index) {
    const glossa_word* word = NULL;
    check(glossa_stream_word(stream, index, &word));
    printf("%.2f %.2f %s\n", word->start, word->end, word->text);
  }
  glossa_stream_free(stream);
  glossa_recognizer_free(recognizer);
  return 0;
}
