// glossa.h over recognizer.hpp. Handles own C++ objects and the C views of what those say; every function
// body runs inside guarded(), the one place where exceptions become statuses.
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/number_formats.h"
#include "glossa/glossa.h"
#include "glossa/recognizer.hpp"

namespace {

// What glossa_last_error() shows.
thread_local std::string last_error;

glossa_status failed(glossa_status status, const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

template <class Call>
glossa_status guarded(Call&& call) noexcept {
  try {
    call();
    return GLOSSA_OK;
  } catch (const glossa::Error& error) {
    return failed(static_cast<glossa_status>(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return failed(GLOSSA_INTERNAL, "out of memory");
  } catch (const std::exception& error) {
    return failed(GLOSSA_INTERNAL, error.what());
  } catch (...) {
    return failed(GLOSSA_INTERNAL, "unknown error");
  }
}

static_assert(GLOSSA_INTERNAL == static_cast<int>(glossa::ErrorCode::kInternal));
static_assert(GLOSSA_INVALID_ARGUMENT == static_cast<int>(glossa::ErrorCode::kInvalidArgument));
static_assert(GLOSSA_BAD_INPUT == static_cast<int>(glossa::ErrorCode::kBadInput));
static_assert(GLOSSA_STREAMING_EXACT == static_cast<int>(glossa::StreamingMode::kExact));
static_assert(GLOSSA_STREAMING_NEMO_BUFFER == static_cast<int>(glossa::StreamingMode::kNemoBuffer));
static_assert(GLOSSA_STREAMING_UNIFORM == static_cast<int>(glossa::StreamingMode::kUniform));
static_assert(GLOSSA_STREAMING_OFFLINE == static_cast<int>(glossa::StreamingMode::kOffline));

// The format of that name; `fallback` for NULL.
template <class Format>
Format named(const char* name, std::span<const glossa::NamedFormat<Format>> all, Format fallback,
             const char* option) {
  if (name == nullptr) return fallback;
  if (const auto format = glossa::find_format(all, name)) return *format;
  glossa::fail_invalid_argument("options->{} is {}, expected one of {}", option, name,
                                fmt::join(glossa::names_of(all), ", "));
}

template <class T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) glossa::fail_invalid_argument("{} is NULL", name);
  return *pointer;
}

// Sizes of the option structs of the first release: no program has smaller ones. Frozen. A struct that grows
// does so by members that leave no padding at its end, where an older program would have left what it liked.
constexpr std::size_t kFirstRecognizerOptions =
    sizeof(std::size_t) + 2 * sizeof(char*) + sizeof(std::int64_t);
constexpr std::size_t kFirstStreamOptions =
    sizeof(std::size_t) + 2 * sizeof(char*) + 4 * sizeof(std::int32_t) + sizeof(std::int64_t);
static_assert(sizeof(glossa_recognizer_options) == kFirstRecognizerOptions + 4 * 8);
static_assert(sizeof(glossa_stream_options) == kFirstStreamOptions + 8 * 8);

void check_size(std::size_t size, std::size_t first_size, const char* name) {
  if (size < first_size) {
    glossa::fail_invalid_argument("{}.size is {}, expected at least {} (filled by {}_init())", name, size,
                                  first_size, name);
  }
}

template <class Options>
void init_options(Options* options, std::size_t size, std::size_t first_size, const char* name) {
  required(options, "options");
  check_size(size, first_size, name);
  std::memset(options, 0, size);
  options->size = size;
}

// The options of a program that may be older or newer than this library.
template <class Options>
Options read_options(const Options* given, std::size_t first_size, const char* name) {
  static_assert(std::is_trivially_copyable_v<Options>);
  check_size(required(given, "options").size, first_size, name);
  Options options{};
  std::memcpy(&options, given, std::min(given->size, sizeof(Options)));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t offset = sizeof(Options); offset < given->size; ++offset) {
    if (bytes[offset] != 0) {
      glossa::fail_invalid_argument("{} of {} bytes sets an option that glossa {} does not have", name,
                                    given->size, GLOSSA_VERSION);
    }
  }
  return options;
}

template <class T>
const T* at(const std::vector<T>& items, std::size_t index, const char* name) {
  if (index >= items.size()) {
    glossa::fail_invalid_argument("{} {} does not exist (there are {})", name, index, items.size());
  }
  return &items[index];
}

}  // namespace

struct glossa_language_model {
  std::shared_ptr<const glossa::LanguageModel> model;
};

struct glossa_recognizer {
  explicit glossa_recognizer(std::shared_ptr<const glossa::Recognizer> loaded)
      : recognizer(std::move(loaded)) {
    const glossa::ModelInfo& described = recognizer->info();
    info.name = described.name.c_str();
    info.backend = described.backend.c_str();
    info.parameters = described.parameters;
    info.frame_seconds = described.frame_seconds;
    info.sample_rate = described.sample_rate;
    info.hop = described.hop;
    info.vocabulary = described.vocabulary;
    info.threads = described.threads;
    info.has_prompt = described.has_prompt ? 1 : 0;
    info.att_context_count = static_cast<std::int32_t>(described.att_contexts.size());
    info.language_count = static_cast<std::int32_t>(described.languages.size());
    info.weights = glossa::name_of(described.weights);
    info.kv_cache = glossa::name_of(described.kv_cache);
    for (const glossa::AttContext& context : described.att_contexts) {
      att_contexts.push_back({context.left, context.right});
    }
    for (const glossa::Language& language : described.languages) {
      std::vector<const char*>& names = aliases.emplace_back();
      for (const std::string& alias : language.aliases) names.push_back(alias.c_str());
      names.push_back(nullptr);
      languages.push_back({language.code.c_str(), names.data(), language.prompt_slot});
    }
  }

  std::shared_ptr<const glossa::Recognizer> recognizer;
  glossa_model_info info{};
  std::vector<glossa_att_context> att_contexts;
  std::vector<std::vector<const char*>> aliases;  // of each language, with the closing NULL
  std::vector<glossa_language> languages;
};

struct glossa_stream {
  explicit glossa_stream(std::unique_ptr<glossa::Stream> created) : stream(std::move(created)) {}

  // For every call that changes the stream.
  glossa::Stream& change() {
    viewed = false;
    held.clear();
    drafted.reset();
    return *stream;
  }

  // The transcript, with its C views up to date.
  const glossa::Transcript& transcript() const {
    const glossa::Transcript& current = stream->transcript();
    if (viewed) return current;
    sentences.clear();
    for (const glossa::Sentence& sentence : current.sentences) {
      sentences.push_back({sentence.text.c_str(), sentence.language.c_str(), sentence.start, sentence.end});
    }
    words.clear();
    for (const glossa::Word& word : current.words) {
      words.push_back({word.text.c_str(), word.language.c_str(), word.start, word.end, word.confidence});
    }
    tokens.clear();
    for (const glossa::Token& token : current.tokens) {
      tokens.push_back({token.id, token.frame, token.log_prob, token.confidence, token.boosted ? 1 : 0});
    }
    viewed = true;
    return current;
  }

  const std::vector<glossa_alternative>& alternatives() const {
    if (!held.empty()) return held_views;
    held = stream->alternatives();
    held_views.clear();
    for (const glossa::Alternative& one : held) held_views.push_back({one.text.c_str(), one.score});
    return held_views;
  }

  const std::string& drafted_text() const {
    if (!drafted) drafted = stream->drafted().text;
    return *drafted;
  }

  std::unique_ptr<glossa::Stream> stream;
  mutable bool viewed = false;
  mutable std::optional<std::string> drafted;  // none: not asked for since the last change
  mutable std::vector<glossa_sentence> sentences;
  mutable std::vector<glossa_word> words;
  mutable std::vector<glossa::Alternative> held;  // empty: not asked for since the last change
  mutable std::vector<glossa_alternative> held_views;
  mutable std::vector<glossa_token> tokens;
};

const char* glossa_last_error(void) { return last_error.c_str(); }

const char* glossa_version(void) { return GLOSSA_VERSION; }

// ---- Recognizer ----

glossa_status glossa_recognizer_options_init(glossa_recognizer_options* options, size_t size) {
  return guarded([&] { init_options(options, size, kFirstRecognizerOptions, "glossa_recognizer_options"); });
}

glossa_status glossa_recognizer_load(const glossa_recognizer_options* options,
                                     glossa_recognizer** recognizer) {
  return guarded([&] {
    const auto given = read_options(options, kFirstRecognizerOptions, "glossa_recognizer_options");
    required(recognizer, "recognizer");
    glossa::RecognizerOptions load;
    load.model = &required(given.model, "options->model");
    // What no int can hold is out of range all the same.
    load.threads =
        static_cast<int>(std::clamp<std::int64_t>(given.threads, -1, std::numeric_limits<int>::max()));
    if (given.backend != nullptr) load.backend = given.backend;
    load.weights = named<glossa::WeightFormat>(given.weights, glossa::kWeightFormats,
                                               glossa::WeightFormat::kF32, "weights");
    // NULL says "auto", the first of them.
    load.kv_cache = named(given.kv_cache, std::span(glossa::kCacheFormats).subspan(1),
                          glossa::CacheFormat::kAuto, "kv_cache");
    load.cache_packed_weights = given.cache_packed_weights != 0;
    if (given.weight_cache_folder != nullptr) load.weight_cache_folder = given.weight_cache_folder;
    *recognizer = std::make_unique<glossa_recognizer>(glossa::Recognizer::load(load)).release();
  });
}

void glossa_recognizer_free(glossa_recognizer* recognizer) { delete recognizer; }

glossa_status glossa_recognizer_info(const glossa_recognizer* recognizer, const glossa_model_info** info) {
  return guarded([&] { required(info, "info") = &required(recognizer, "recognizer").info; });
}

glossa_status glossa_recognizer_att_context(const glossa_recognizer* recognizer, size_t index,
                                            const glossa_att_context** att_context) {
  return guarded([&] {
    required(att_context, "att_context") =
        at(required(recognizer, "recognizer").att_contexts, index, "attention context");
  });
}

glossa_status glossa_recognizer_language(const glossa_recognizer* recognizer, size_t index,
                                         const glossa_language** language) {
  return guarded([&] {
    required(language, "language") = at(required(recognizer, "recognizer").languages, index, "language");
  });
}

glossa_status glossa_recognizer_decode(const glossa_recognizer* recognizer, glossa_stream* const* streams,
                                       size_t count) {
  return guarded([&] {
    required(recognizer, "recognizer");
    if (count == 0) return;
    required(streams, "streams");
    std::vector<glossa::Stream*> batch;
    batch.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      if (streams[index] == nullptr) glossa::fail_invalid_argument("streams[{}] is NULL", index);
      batch.push_back(&streams[index]->change());
    }
    recognizer->recognizer->decode(batch);
  });
}

// ---- Stream ----

glossa_status glossa_language_model_load(const glossa_recognizer* recognizer, const char* path,
                                         glossa_language_model** language_model) {
  return guarded([&] {
    required(recognizer, "recognizer");
    required(path, "path");
    required(language_model, "language_model");
    auto loaded = std::make_unique<glossa_language_model>();
    loaded->model = recognizer->recognizer->load_language_model(path);
    *language_model = loaded.release();
  });
}

void glossa_language_model_free(glossa_language_model* language_model) { delete language_model; }

glossa_status glossa_stream_options_init(glossa_stream_options* options, size_t size) {
  return guarded([&] { init_options(options, size, kFirstStreamOptions, "glossa_stream_options"); });
}

glossa_status glossa_stream_create(const glossa_recognizer* recognizer, const glossa_stream_options* options,
                                   glossa_stream** stream) {
  return guarded([&] {
    required(recognizer, "recognizer");
    const auto given = read_options(options, kFirstStreamOptions, "glossa_stream_options");
    required(stream, "stream");
    glossa::StreamOptions create;
    if (given.att_context != nullptr) {
      create.att_context = glossa::AttContext{given.att_context->left, given.att_context->right};
    }
    if (given.target_lang != nullptr) create.target_lang = given.target_lang;
    if (given.mode < GLOSSA_STREAMING_EXACT || given.mode > GLOSSA_STREAMING_OFFLINE) {
      glossa::fail_invalid_argument("mode is {}, expected a glossa_streaming_mode ({} to {})", given.mode,
                                    static_cast<int>(GLOSSA_STREAMING_EXACT),
                                    static_cast<int>(GLOSSA_STREAMING_OFFLINE));
    }
    create.unknown_lang_is_auto = given.unknown_lang_is_auto != 0;
    create.mode = static_cast<glossa::StreamingMode>(given.mode);
    create.max_symbols = given.max_symbols;
    create.keep_lang_tags = given.keep_lang_tags != 0;
    create.nemo_batch_mel_frames = given.nemo_batch_mel_frames;
    const float boost = given.boost == 0 ? glossa::kDefaultBoost : static_cast<float>(given.boost);
    for (const char* const* phrase = given.boosted_phrases; phrase != nullptr && *phrase != nullptr; ++phrase)
      create.boosted_phrases.push_back({*phrase, boost});
    if (given.language_model != nullptr) create.language_model = given.language_model->model;
    if (given.lm_alpha != 0) create.lm_alpha = static_cast<float>(given.lm_alpha);
    create.final_silence = given.final_silence;
    if (given.beam_size < 0 || given.beam_size > glossa::kMostBeam) {
      glossa::fail_invalid_argument("beam_size is {}, expected 0 or 1 (greedy search) to {}", given.beam_size,
                                    glossa::kMostBeam);
    }
    if (given.beam_size > 0) create.beam_size = static_cast<int>(given.beam_size);
    if (given.settle_delay != 0) create.settle_delay = given.settle_delay;
    if (given.draft_att_context != nullptr) {
      create.draft_att_context =
          glossa::AttContext{given.draft_att_context->left, given.draft_att_context->right};
    }
    *stream = std::make_unique<glossa_stream>(recognizer->recognizer->create_stream(create)).release();
  });
}

void glossa_stream_free(glossa_stream* stream) { delete stream; }

glossa_status glossa_stream_accept_waveform(glossa_stream* stream, const float* samples, size_t count) {
  return guarded([&] {
    glossa::Stream& changed = required(stream, "stream").change();
    if (count > 0) required(samples, "samples");
    changed.accept_waveform({samples, count});
  });
}

glossa_status glossa_stream_accept_waveform_s16(glossa_stream* stream, const int16_t* samples, size_t count) {
  return guarded([&] {
    glossa::Stream& changed = required(stream, "stream").change();
    if (count > 0) required(samples, "samples");
    std::vector<float> pcm(count);
    std::transform(samples, samples + count, pcm.begin(),
                   [](std::int16_t sample) { return static_cast<float>(sample) / 32768.0f; });
    changed.accept_waveform(pcm);
  });
}

glossa_status glossa_stream_input_finished(glossa_stream* stream) {
  return guarded([&] { required(stream, "stream").change().input_finished(); });
}

glossa_status glossa_stream_is_ready(const glossa_stream* stream, int* ready) {
  return guarded([&] { required(ready, "ready") = required(stream, "stream").stream->is_ready() ? 1 : 0; });
}

glossa_status glossa_stream_set_target_lang(glossa_stream* stream, const char* target_lang) {
  return guarded(
      [&] { required(stream, "stream").change().set_target_lang(&required(target_lang, "target_lang")); });
}

glossa_status glossa_stream_forget_closed(glossa_stream* stream) {
  return guarded([&] { required(stream, "stream").change().forget_closed(); });
}

glossa_status glossa_stream_reset(glossa_stream* stream) {
  return guarded([&] { required(stream, "stream").change().reset(); });
}

glossa_status glossa_stream_text(const glossa_stream* stream, const char** text) {
  return guarded([&] { required(text, "text") = required(stream, "stream").transcript().text.c_str(); });
}

glossa_status glossa_stream_drafted_text(const glossa_stream* stream, const char** text) {
  return guarded([&] { required(text, "text") = required(stream, "stream").drafted_text().c_str(); });
}

glossa_status glossa_stream_language(const glossa_stream* stream, const char** language) {
  return guarded(
      [&] { required(language, "language") = required(stream, "stream").transcript().language.c_str(); });
}

glossa_status glossa_stream_duration(const glossa_stream* stream, double* seconds) {
  return guarded([&] { required(seconds, "seconds") = required(stream, "stream").transcript().duration; });
}

glossa_status glossa_stream_settled(const glossa_stream* stream, double* seconds) {
  return guarded([&] { required(seconds, "seconds") = required(stream, "stream").transcript().settled; });
}

glossa_status glossa_stream_score(const glossa_stream* stream, double* score) {
  return guarded([&] { required(score, "score") = required(stream, "stream").transcript().score; });
}

glossa_status glossa_stream_sentence_count(const glossa_stream* stream, size_t* count) {
  return guarded(
      [&] { required(count, "count") = required(stream, "stream").transcript().sentences.size(); });
}

glossa_status glossa_stream_sentence(const glossa_stream* stream, size_t index,
                                     const glossa_sentence** sentence) {
  return guarded([&] {
    required(stream, "stream").transcript();
    required(sentence, "sentence") = at(stream->sentences, index, "sentence");
  });
}

glossa_status glossa_stream_word_count(const glossa_stream* stream, size_t* count) {
  return guarded([&] { required(count, "count") = required(stream, "stream").transcript().words.size(); });
}

glossa_status glossa_stream_word(const glossa_stream* stream, size_t index, const glossa_word** word) {
  return guarded([&] {
    required(stream, "stream").transcript();
    required(word, "word") = at(stream->words, index, "word");
  });
}

glossa_status glossa_stream_token_count(const glossa_stream* stream, size_t* count) {
  return guarded([&] { required(count, "count") = required(stream, "stream").transcript().tokens.size(); });
}

glossa_status glossa_stream_token(const glossa_stream* stream, size_t index, const glossa_token** token) {
  return guarded([&] {
    required(stream, "stream").transcript();
    required(token, "token") = at(stream->tokens, index, "token");
  });
}

glossa_status glossa_stream_alternative_count(const glossa_stream* stream, size_t* count) {
  return guarded([&] { required(count, "count") = required(stream, "stream").alternatives().size(); });
}

glossa_status glossa_stream_alternative(const glossa_stream* stream, size_t index,
                                        const glossa_alternative** alternative) {
  return guarded([&] {
    const std::vector<glossa_alternative>& all = required(stream, "stream").alternatives();
    required(alternative, "alternative") = at(all, index, "alternative");
  });
}
