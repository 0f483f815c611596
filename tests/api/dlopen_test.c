/* A program that knows glossa.h but is not linked with the library: dlopen_test LIBGLOSSA MODEL. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "glossa/glossa.h"

static void expect(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "dlopen_test: %s\n", what);
  exit(1);
}

/* ISO C has no cast from void* to a function pointer; POSIX asks for this one. */
#define FUNCTION(result, name, arguments)             \
  result(*name) arguments;                            \
  *(void**)(&name) = dlsym(library, "glossa_" #name); \
  expect(name != NULL, "glossa_" #name " is missing")

int main(int argc, char** argv) {
  expect(argc == 3, "expected LIBGLOSSA MODEL");
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  expect(library != NULL, "cannot open the library");
  FUNCTION(const char*, version, (void));
  FUNCTION(const char*, last_error, (void));
  FUNCTION(glossa_status, recognizer_options_init, (glossa_recognizer_options*, size_t));
  FUNCTION(glossa_status, recognizer_load, (const glossa_recognizer_options*, glossa_recognizer**));
  FUNCTION(glossa_status, recognizer_decode, (const glossa_recognizer*, glossa_stream* const*, size_t));
  FUNCTION(void, recognizer_free, (glossa_recognizer*));
  FUNCTION(glossa_status, stream_options_init, (glossa_stream_options*, size_t));
  FUNCTION(glossa_status, stream_create,
           (const glossa_recognizer*, const glossa_stream_options*, glossa_stream**));
  FUNCTION(glossa_status, stream_accept_waveform, (glossa_stream*, const float*, size_t));
  FUNCTION(glossa_status, stream_input_finished, (glossa_stream*));
  FUNCTION(glossa_status, stream_is_ready, (const glossa_stream*, int*));
  FUNCTION(glossa_status, stream_duration, (const glossa_stream*, double*));
  FUNCTION(glossa_status, stream_text, (const glossa_stream*, const char**));
  FUNCTION(void, stream_free, (glossa_stream*));

  expect(version()[0] != '\0', "no version");
  glossa_recognizer_options options;
  expect(recognizer_options_init(&options, sizeof options) == GLOSSA_OK, last_error());
  options.model = argv[2];
  options.threads = 2;
  glossa_recognizer* recognizer = NULL;
  expect(recognizer_load(&options, &recognizer) == GLOSSA_OK, last_error());
  glossa_stream_options stream_options;
  expect(stream_options_init(&stream_options, sizeof stream_options) == GLOSSA_OK, last_error());
  glossa_stream* stream = NULL;
  expect(stream_create(recognizer, &stream_options, &stream) == GLOSSA_OK, last_error());

  enum { SILENCE = 32000 };
  static float silence[SILENCE];
  expect(stream_accept_waveform(stream, silence, SILENCE) == GLOSSA_OK, last_error());
  expect(stream_input_finished(stream) == GLOSSA_OK, last_error());
  int ready = 0;
  int steps = 0;
  while (stream_is_ready(stream, &ready) == GLOSSA_OK && ready) {
    expect(recognizer_decode(recognizer, &stream, 1) == GLOSSA_OK, last_error());
    ++steps;
  }
  expect(steps > 1, "too few steps");
  double seconds = 0;
  expect(stream_duration(stream, &seconds) == GLOSSA_OK && seconds == 2.0, "wrong duration");
  const char* text = NULL;
  expect(stream_text(stream, &text) == GLOSSA_OK && text != NULL, "no text");

  stream_free(stream);
  recognizer_free(recognizer);
  expect(dlclose(library) == 0, "cannot close the library"); /* its threads have ended */
  return 0;
}
