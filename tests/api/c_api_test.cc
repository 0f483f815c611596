// The C interface says what the C++ interface says; and it turns every mistake into a status.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "glossa/glossa.h"
#include "glossa/recognizer.hpp"

namespace glossa {
namespace {

const std::string kGolden = std::string(GLOSSA_TEST_DATA) + "/golden";
const std::string kModel = kGolden + "/models/tiny.nemo";

struct Free {
  void operator()(glossa_recognizer* recognizer) const { glossa_recognizer_free(recognizer); }
  void operator()(glossa_stream* stream) const { glossa_stream_free(stream); }
};
using RecognizerHandle = std::unique_ptr<glossa_recognizer, Free>;
using StreamHandle = std::unique_ptr<glossa_stream, Free>;

void expect_ok(glossa_status status) { EXPECT_EQ(status, GLOSSA_OK) << glossa_last_error(); }

glossa_recognizer_options recognizer_options(const std::string& model) {
  glossa_recognizer_options options;
  expect_ok(glossa_recognizer_options_init(&options, sizeof options));
  options.model = model.c_str();
  options.threads = 2;
  return options;
}

glossa_stream_options stream_options() {
  glossa_stream_options options;
  expect_ok(glossa_stream_options_init(&options, sizeof options));
  return options;
}

RecognizerHandle load(const std::string& model = kModel) {
  const glossa_recognizer_options options = recognizer_options(model);
  glossa_recognizer* recognizer = nullptr;
  expect_ok(glossa_recognizer_load(&options, &recognizer));
  return RecognizerHandle(recognizer);
}

StreamHandle create(const RecognizerHandle& recognizer, const glossa_stream_options& options) {
  glossa_stream* stream = nullptr;
  expect_ok(glossa_stream_create(recognizer.get(), &options, &stream));
  return StreamHandle(stream);
}

std::vector<std::int16_t> speech(const std::string& name) {
  std::ifstream file(kGolden + "/audio/" + name, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_GT(bytes.size(), 44u) << name;
  std::vector<std::int16_t> samples((bytes.size() - 44) / 2);
  std::memcpy(samples.data(), bytes.data() + 44, samples.size() * 2);
  return samples;
}

std::vector<float> as_float(const std::vector<std::int16_t>& samples) {
  std::vector<float> pcm;
  for (const std::int16_t sample : samples) pcm.push_back(static_cast<float>(sample) / 32768);
  return pcm;
}

void decode(const RecognizerHandle& recognizer, const StreamHandle& stream) {
  glossa_stream* const batch[] = {stream.get()};
  int ready = 0;
  while (glossa_stream_is_ready(stream.get(), &ready) == GLOSSA_OK && ready == 1) {
    expect_ok(glossa_recognizer_decode(recognizer.get(), batch, 1));
  }
}

Transcript transcript_of(const StreamHandle& stream) {
  Transcript transcript;
  const char* text = nullptr;
  expect_ok(glossa_stream_text(stream.get(), &text));
  transcript.text = text;
  expect_ok(glossa_stream_language(stream.get(), &text));
  transcript.language = text;
  expect_ok(glossa_stream_duration(stream.get(), &transcript.duration));
  expect_ok(glossa_stream_score(stream.get(), &transcript.score));
  std::size_t count = 0;
  expect_ok(glossa_stream_sentence_count(stream.get(), &count));
  for (std::size_t index = 0; index < count; ++index) {
    const glossa_sentence* sentence = nullptr;
    expect_ok(glossa_stream_sentence(stream.get(), index, &sentence));
    transcript.sentences.push_back({sentence->text, sentence->language, sentence->start, sentence->end});
  }
  expect_ok(glossa_stream_word_count(stream.get(), &count));
  for (std::size_t index = 0; index < count; ++index) {
    const glossa_word* word = nullptr;
    expect_ok(glossa_stream_word(stream.get(), index, &word));
    transcript.words.push_back({word->text, word->start, word->end, word->confidence, word->language});
  }
  expect_ok(glossa_stream_token_count(stream.get(), &count));
  for (std::size_t index = 0; index < count; ++index) {
    const glossa_token* token = nullptr;
    expect_ok(glossa_stream_token(stream.get(), index, &token));
    transcript.tokens.push_back(
        {token->id, token->frame, token->log_prob, token->confidence, token->boosted != 0});
  }
  return transcript;
}

// Everything, bit for bit.
void expect_equal(const Transcript& c, const Transcript& cpp) {
  EXPECT_EQ(c.text, cpp.text);
  EXPECT_EQ(c.language, cpp.language);
  EXPECT_EQ(c.duration, cpp.duration);
  EXPECT_EQ(c.score, cpp.score);
  ASSERT_EQ(c.sentences.size(), cpp.sentences.size());
  for (std::size_t index = 0; index < c.sentences.size(); ++index) {
    EXPECT_EQ(c.sentences[index].text, cpp.sentences[index].text);
    EXPECT_EQ(c.sentences[index].language, cpp.sentences[index].language);
    EXPECT_EQ(c.sentences[index].start, cpp.sentences[index].start);
    EXPECT_EQ(c.sentences[index].end, cpp.sentences[index].end);
  }
  ASSERT_EQ(c.words.size(), cpp.words.size());
  for (std::size_t index = 0; index < c.words.size(); ++index) {
    EXPECT_EQ(c.words[index].text, cpp.words[index].text);
    EXPECT_EQ(c.words[index].language, cpp.words[index].language);
    EXPECT_EQ(c.words[index].start, cpp.words[index].start);
    EXPECT_EQ(c.words[index].end, cpp.words[index].end);
    EXPECT_EQ(c.words[index].confidence, cpp.words[index].confidence);
  }
  ASSERT_EQ(c.tokens.size(), cpp.tokens.size());
  for (std::size_t index = 0; index < c.tokens.size(); ++index) {
    EXPECT_EQ(c.tokens[index].id, cpp.tokens[index].id);
    EXPECT_EQ(c.tokens[index].frame, cpp.tokens[index].frame);
    EXPECT_EQ(c.tokens[index].log_prob, cpp.tokens[index].log_prob);
    EXPECT_EQ(c.tokens[index].confidence, cpp.tokens[index].confidence);
    EXPECT_EQ(c.tokens[index].boosted, cpp.tokens[index].boosted);
  }
}

TEST(CApi, StreamsAsTheCppInterfaceDoes) {
  const std::vector<std::int16_t> samples = speech("en-US_0.wav");
  const std::vector<float> pcm = as_float(samples);

  const auto cpp_recognizer = Recognizer::load({.model = kModel, .threads = 2});
  const auto cpp_stream =
      cpp_recognizer->create_stream({.att_context = AttContext{56, 3},
                                     .target_lang = "en-US",
                                     .keep_lang_tags = true,
                                     .boosted_phrases = {{"sunrise", 4}, {"the weather", 4}}});
  const RecognizerHandle recognizer = load();
  const glossa_att_context context = {56, 3};
  glossa_stream_options options = stream_options();
  options.att_context = &context;
  options.target_lang = "en-US";
  options.keep_lang_tags = 1;
  const char* const phrases[] = {"sunrise", "the weather", nullptr};
  options.boosted_phrases = phrases;
  options.boost = 4;
  const StreamHandle stream = create(recognizer, options);
  const StreamHandle stream_s16 = create(recognizer, options);

  Stream* const batch[] = {cpp_stream.get()};
  for (std::size_t begin = 0; begin < pcm.size(); begin += 1280) {
    const std::size_t count = std::min<std::size_t>(1280, pcm.size() - begin);
    cpp_stream->accept_waveform({&pcm[begin], count});
    while (cpp_stream->is_ready()) cpp_recognizer->decode(batch);
    expect_ok(glossa_stream_accept_waveform(stream.get(), &pcm[begin], count));
    decode(recognizer, stream);
    expect_equal(transcript_of(stream), cpp_stream->transcript());
  }
  cpp_stream->input_finished();
  while (cpp_stream->is_ready()) cpp_recognizer->decode(batch);
  expect_ok(glossa_stream_input_finished(stream.get()));
  decode(recognizer, stream);
  expect_equal(transcript_of(stream), cpp_stream->transcript());
  const std::vector<Token>& tokens = cpp_stream->transcript().tokens;
  EXPECT_TRUE(std::any_of(tokens.begin(), tokens.end(), [](const Token& token) { return token.boosted; }));

  expect_ok(glossa_stream_accept_waveform_s16(stream_s16.get(), samples.data(), samples.size()));
  expect_ok(glossa_stream_input_finished(stream_s16.get()));
  decode(recognizer, stream_s16);
  expect_equal(transcript_of(stream_s16), cpp_stream->transcript());

  expect_ok(glossa_stream_reset(stream.get()));
  EXPECT_EQ(transcript_of(stream).tokens.size(), 0u);
  expect_ok(glossa_stream_accept_waveform(stream.get(), pcm.data(), pcm.size()));
  expect_ok(glossa_stream_input_finished(stream.get()));
  decode(recognizer, stream);
  expect_equal(transcript_of(stream), cpp_stream->transcript());
}

TEST(CApi, DecodesABatchOfDifferentStreams) {
  const auto cpp_recognizer = Recognizer::load({.model = kModel, .threads = 2});
  const RecognizerHandle recognizer = load();
  const std::vector<std::string> clips = {"en-US_2.wav", "de-DE_6.wav", "es-ES_7.wav"};
  const int modes[] = {GLOSSA_STREAMING_EXACT, GLOSSA_STREAMING_NEMO_BUFFER, GLOSSA_STREAMING_OFFLINE};
  std::vector<StreamHandle> streams;
  std::vector<glossa_stream*> batch;
  std::vector<Transcript> expected;
  for (std::size_t index = 0; index < clips.size(); ++index) {
    const std::vector<float> pcm = as_float(speech(clips[index]));
    glossa_stream_options options = stream_options();
    options.mode = modes[index];
    options.max_symbols = 3;
    streams.push_back(create(recognizer, options));
    expect_ok(glossa_stream_accept_waveform(streams.back().get(), pcm.data(), pcm.size()));
    expect_ok(glossa_stream_input_finished(streams.back().get()));
    batch.push_back(streams.back().get());

    const auto cpp_stream =
        cpp_recognizer->create_stream({.mode = static_cast<StreamingMode>(modes[index]), .max_symbols = 3});
    Stream* const alone[] = {cpp_stream.get()};
    cpp_stream->accept_waveform(pcm);
    cpp_stream->input_finished();
    while (cpp_stream->is_ready()) cpp_recognizer->decode(alone);
    expected.push_back(cpp_stream->transcript());
  }
  for (const StreamHandle& stream : streams) {
    int ready = 0;
    while (glossa_stream_is_ready(stream.get(), &ready) == GLOSSA_OK && ready == 1) {
      expect_ok(glossa_recognizer_decode(recognizer.get(), batch.data(), batch.size()));
    }
  }
  for (std::size_t index = 0; index < clips.size(); ++index) {
    SCOPED_TRACE(clips[index]);
    expect_equal(transcript_of(streams[index]), expected[index]);
  }
}

TEST(CApi, DescribesTheModelAsTheCppInterfaceDoes) {
  for (const char* const name : {"tiny", "tiny-en"}) {
    SCOPED_TRACE(name);
    const std::string model = kGolden + "/models/" + name + ".nemo";
    const auto cpp_recognizer = Recognizer::load({.model = model, .threads = 2});
    const ModelInfo& expected = cpp_recognizer->info();
    const RecognizerHandle recognizer = load(model);
    const glossa_model_info* info = nullptr;
    expect_ok(glossa_recognizer_info(recognizer.get(), &info));
    EXPECT_EQ(info->name, expected.name);
    EXPECT_EQ(info->backend, expected.backend);
    EXPECT_EQ(info->parameters, expected.parameters);
    EXPECT_EQ(info->frame_seconds, expected.frame_seconds);
    EXPECT_EQ(info->sample_rate, expected.sample_rate);
    EXPECT_EQ(info->hop, expected.hop);
    EXPECT_EQ(info->vocabulary, expected.vocabulary);
    EXPECT_EQ(info->threads, expected.threads);
    EXPECT_EQ(info->has_prompt != 0, expected.has_prompt);
    ASSERT_EQ(static_cast<std::size_t>(info->att_context_count), expected.att_contexts.size());
    for (std::size_t index = 0; index < expected.att_contexts.size(); ++index) {
      const glossa_att_context* context = nullptr;
      expect_ok(glossa_recognizer_att_context(recognizer.get(), index, &context));
      EXPECT_EQ((AttContext{context->left, context->right}), expected.att_contexts[index]);
    }
    ASSERT_EQ(static_cast<std::size_t>(info->language_count), expected.languages.size());
    for (std::size_t index = 0; index < expected.languages.size(); ++index) {
      const glossa_language* language = nullptr;
      expect_ok(glossa_recognizer_language(recognizer.get(), index, &language));
      EXPECT_EQ(language->code, expected.languages[index].code);
      EXPECT_EQ(language->prompt_slot, expected.languages[index].prompt_slot);
      std::vector<std::string> aliases;
      for (const char* const* alias = language->aliases; *alias != nullptr; ++alias)
        aliases.push_back(*alias);
      EXPECT_EQ(aliases, expected.languages[index].aliases);
    }
    const glossa_language* none = nullptr;
    EXPECT_EQ(glossa_recognizer_language(recognizer.get(), expected.languages.size(), &none),
              GLOSSA_INVALID_ARGUMENT);
    EXPECT_EQ(none, nullptr);
  }
}

TEST(CApi, LoadErrorsAreThoseOfTheCppInterface) {
  const auto expect_same_error = [](const glossa_recognizer_options& c, const RecognizerOptions& cpp) {
    glossa_recognizer* recognizer = nullptr;
    const glossa_status status = glossa_recognizer_load(&c, &recognizer);
    EXPECT_EQ(recognizer, nullptr);
    try {
      Recognizer::load(cpp);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(status), static_cast<int>(error.code()));
      EXPECT_STREQ(glossa_last_error(), error.what());
    }
  };
  const std::string missing = kGolden + "/models/missing.nemo";
  expect_same_error(recognizer_options(missing), {.model = missing});
  const std::string not_a_model = kGolden + "/README.md";
  expect_same_error(recognizer_options(not_a_model), {.model = not_a_model});
  glossa_recognizer_options options = recognizer_options(kModel);
  options.backend = "abacus";
  expect_same_error(options, {.model = kModel, .backend = "abacus"});

  glossa_recognizer* recognizer = nullptr;
  options = recognizer_options(kModel);
  for (const std::int64_t threads : {std::int64_t{-1}, std::int64_t{1} << 32}) {
    options.threads = threads;
    EXPECT_EQ(glossa_recognizer_load(&options, &recognizer), GLOSSA_INVALID_ARGUMENT);
  }
  EXPECT_EQ(recognizer, nullptr);
}

TEST(CApi, StreamErrors) {
  const RecognizerHandle recognizer = load();
  const auto expect_refused = [&](const glossa_stream_options& options, const char* part_of_message) {
    glossa_stream* stream = nullptr;
    EXPECT_EQ(glossa_stream_create(recognizer.get(), &options, &stream), GLOSSA_INVALID_ARGUMENT);
    EXPECT_EQ(stream, nullptr);
    EXPECT_NE(std::string(glossa_last_error()).find(part_of_message), std::string::npos)
        << glossa_last_error();
  };
  glossa_stream_options options = stream_options();
  options.target_lang = "tlh-KX";
  expect_refused(options, "tlh-KX");
  options.unknown_lang_is_auto = 1;
  create(recognizer, options);
  options = stream_options();
  options.mode = 4;
  expect_refused(options, "mode is 4");
  options.mode = -1;
  expect_refused(options, "mode is -1");
  options = stream_options();
  options.max_symbols = -1;
  expect_refused(options, "max_symbols is -1");
  const glossa_att_context uneven = {56, 4};
  options = stream_options();
  options.att_context = &uneven;
  expect_refused(options, "56");

  const StreamHandle stream = create(recognizer, stream_options());
  EXPECT_EQ(glossa_stream_set_target_lang(stream.get(), "tlh-KX"), GLOSSA_INVALID_ARGUMENT);
  expect_ok(glossa_stream_set_target_lang(stream.get(), "de"));
  expect_ok(glossa_stream_input_finished(stream.get()));
  const float sample = 0;
  EXPECT_EQ(glossa_stream_accept_waveform(stream.get(), &sample, 1), GLOSSA_INVALID_ARGUMENT);
  const glossa_token* token = nullptr;
  EXPECT_EQ(glossa_stream_token(stream.get(), 0, &token), GLOSSA_INVALID_ARGUMENT);
  EXPECT_EQ(token, nullptr);
}

TEST(CApi, LanguageModelsAndFinalSilence) {
  const RecognizerHandle recognizer = load();
  const std::string path =
      std::filesystem::temp_directory_path() / ("glossa_c_" + std::to_string(::getpid()));
  glossa_language_model* model = nullptr;
  EXPECT_EQ(glossa_language_model_load(recognizer.get(), path.c_str(), &model), GLOSSA_BAD_INPUT);
  EXPECT_EQ(model, nullptr);
  std::ofstream(path) << "\\data\\\nngram 1=3\n\n\\1-grams:\n-9\t<unk>\n-99\t<s>\n-1\to\n\n\\end\\\n";
  expect_ok(glossa_language_model_load(recognizer.get(), path.c_str(), &model));
  std::filesystem::remove(path);
  glossa_stream_options options = stream_options();
  options.language_model = model;
  options.lm_alpha = 0.5;
  options.final_silence = 0.5;
  const StreamHandle stream = create(recognizer, options);
  glossa_language_model_free(model);  // the stream keeps it
  std::vector<float> sound = as_float(speech("en-US_0.wav"));
  sound.resize(24000);  // within a word
  const auto ids = [&](const StreamHandle& of) {
    expect_ok(glossa_stream_accept_waveform(of.get(), sound.data(), sound.size()));
    expect_ok(glossa_stream_input_finished(of.get()));
    decode(recognizer, of);
    const Transcript transcript = transcript_of(of);
    EXPECT_DOUBLE_EQ(transcript.duration, static_cast<double>(sound.size()) / 16000);
    std::vector<int> all;
    for (const Token& token : transcript.tokens) all.push_back(token.id);
    return all;
  };
  const std::vector<int> with_both = ids(stream);
  options.language_model = nullptr;
  const std::vector<int> with_silence = ids(create(recognizer, options));
  EXPECT_NE(with_both, with_silence);
  options.final_silence = 0;
  EXPECT_NE(ids(create(recognizer, options)), with_silence);
  glossa_stream* refused = nullptr;
  options.language_model = nullptr;
  options.final_silence = -1;
  EXPECT_EQ(glossa_stream_create(recognizer.get(), &options, &refused), GLOSSA_INVALID_ARGUMENT);
  glossa_language_model_free(nullptr);
}

TEST(CApi, BeamSearchHasAlternatives) {
  const RecognizerHandle recognizer = load();
  glossa_stream_options options = stream_options();
  options.beam_size = 65;
  glossa_stream* refused = nullptr;
  EXPECT_EQ(glossa_stream_create(recognizer.get(), &options, &refused), GLOSSA_INVALID_ARGUMENT);
  for (const int size : {0, 4}) {
    options.beam_size = size;
    const StreamHandle stream = create(recognizer, options);
    const std::vector<float> sound = as_float(speech("en-US_0.wav"));
    expect_ok(glossa_stream_accept_waveform(stream.get(), sound.data(), sound.size()));
    expect_ok(glossa_stream_input_finished(stream.get()));
    decode(recognizer, stream);
    std::size_t count = 0;
    expect_ok(glossa_stream_alternative_count(stream.get(), &count));
    EXPECT_EQ(count > 1, size == 4) << count;
    const glossa_alternative* first = nullptr;
    expect_ok(glossa_stream_alternative(stream.get(), 0, &first));
    const char* text = nullptr;
    expect_ok(glossa_stream_text(stream.get(), &text));
    EXPECT_STREQ(first->text, text);
    EXPECT_LT(first->score, 0);
    EXPECT_EQ(glossa_stream_alternative(stream.get(), count, &first), GLOSSA_INVALID_ARGUMENT);
    expect_ok(glossa_stream_reset(stream.get()));
    expect_ok(glossa_stream_alternative(stream.get(), 0, &first));
    EXPECT_STREQ(first->text, "");
  }
}

TEST(CApi, WhatABeamHasNotSettledStandsBehindTheText) {
  const RecognizerHandle recognizer = load();
  glossa_stream_options options = stream_options();
  const glossa_att_context fastest{56, 0};
  options.att_context = &fastest;
  options.beam_size = 4;
  options.settle_delay = 61;
  glossa_stream* refused = nullptr;
  EXPECT_EQ(glossa_stream_create(recognizer.get(), &options, &refused), GLOSSA_INVALID_ARGUMENT);
  const std::vector<float> sound = as_float(speech("en-US_0.wav"));
  // How many bytes of text, and seconds of sound, were not settled, slice after slice.
  double waiting = 0;
  const auto unsettled = [&](double delay) {
    options.settle_delay = delay;
    const StreamHandle stream = create(recognizer, options);
    std::size_t bytes = 0;
    waiting = 0;
    for (std::size_t at = 0; at + 1280 <= sound.size(); at += 1280) {
      expect_ok(glossa_stream_accept_waveform(stream.get(), sound.data() + at, 1280));
      decode(recognizer, stream);
      const char* text = nullptr;
      const char* drafted = nullptr;
      expect_ok(glossa_stream_text(stream.get(), &text));
      expect_ok(glossa_stream_drafted_text(stream.get(), &drafted));
      bytes += std::strlen(drafted) - std::min(std::strlen(drafted), std::strlen(text));
      double settled = 0;
      expect_ok(glossa_stream_settled(stream.get(), &settled));
      EXPECT_LE(settled, static_cast<double>(at + 1280) / 16000);
      waiting += static_cast<double>(at + 1280) / 16000 - settled;
    }
    return bytes;
  };
  const std::size_t hasty = unsettled(0.16);
  const double waited_little = waiting;
  EXPECT_GT(hasty, 0u);
  EXPECT_LT(hasty, unsettled(0));
  EXPECT_LT(waited_little, waiting);
}

TEST(CApi, ADraftStandsBehindTheText) {
  const RecognizerHandle recognizer = load();
  glossa_stream_options options = stream_options();
  const glossa_att_context settled{56, 13};
  glossa_att_context draft{56, 13};
  options.att_context = &settled;
  options.draft_att_context = &draft;
  glossa_stream* refused = nullptr;
  EXPECT_EQ(glossa_stream_create(recognizer.get(), &options, &refused), GLOSSA_INVALID_ARGUMENT);
  draft.right = 0;
  const StreamHandle stream = create(recognizer, options);
  const std::vector<float> sound = as_float(speech("en-US_0.wav"));
  expect_ok(glossa_stream_accept_waveform(stream.get(), sound.data(), 16000));
  decode(recognizer, stream);
  const char* text = nullptr;
  const char* drafted = nullptr;
  expect_ok(glossa_stream_text(stream.get(), &text));
  expect_ok(glossa_stream_drafted_text(stream.get(), &drafted));
  EXPECT_STREQ(text, "") << "a chunk is 1.12 s";
  EXPECT_STRNE(drafted, "");
  expect_ok(glossa_stream_accept_waveform(stream.get(), sound.data() + 16000, sound.size() - 16000));
  expect_ok(glossa_stream_input_finished(stream.get()));
  decode(recognizer, stream);
  expect_ok(glossa_stream_text(stream.get(), &text));
  expect_ok(glossa_stream_drafted_text(stream.get(), &drafted));
  EXPECT_STRNE(text, "");
  EXPECT_STREQ(drafted, text);
}

TEST(CApi, DecodeErrors) {
  const RecognizerHandle recognizer = load();
  const RecognizerHandle other = load();
  const StreamHandle stream = create(recognizer, stream_options());
  const std::vector<float> silence(32000);
  expect_ok(glossa_stream_accept_waveform(stream.get(), silence.data(), silence.size()));
  glossa_stream* const twice[] = {stream.get(), stream.get()};
  EXPECT_EQ(glossa_recognizer_decode(recognizer.get(), twice, 2), GLOSSA_INVALID_ARGUMENT);
  EXPECT_EQ(glossa_recognizer_decode(other.get(), twice, 1), GLOSSA_INVALID_ARGUMENT);
  expect_ok(glossa_recognizer_decode(recognizer.get(), twice, 1));
}

TEST(CApi, MessagesBelongToTheirThread) {
  EXPECT_EQ(glossa_stream_reset(nullptr), GLOSSA_INVALID_ARGUMENT);
  EXPECT_STREQ(glossa_last_error(), "stream is NULL");
  std::thread([] {
    EXPECT_STREQ(glossa_last_error(), "");
    EXPECT_EQ(glossa_recognizer_info(nullptr, nullptr), GLOSSA_INVALID_ARGUMENT);
    EXPECT_STRNE(glossa_last_error(), "stream is NULL");
  }).join();
  expect_ok(glossa_recognizer_decode(load().get(), nullptr, 0));  // success leaves the message alone
  EXPECT_STREQ(glossa_last_error(), "stream is NULL");
}

// Options as a program would have them that was compiled with a later glossa.h.
struct LaterStreamOptions {
  glossa_stream_options known;
  std::int64_t later_option;
};

TEST(CApi, OptionsOfALaterHeaderAreLegalAtTheirDefaults) {
  const RecognizerHandle recognizer = load();
  LaterStreamOptions options;
  std::memset(&options, 0xff, sizeof options);
  expect_ok(glossa_stream_options_init(&options.known, sizeof options));
  EXPECT_EQ(options.known.size, sizeof options);
  EXPECT_EQ(options.later_option, 0);
  create(recognizer, options.known);

  options.later_option = 1;
  glossa_stream* stream = nullptr;
  EXPECT_EQ(glossa_stream_create(recognizer.get(), &options.known, &stream), GLOSSA_INVALID_ARGUMENT);
  EXPECT_EQ(stream, nullptr);
  EXPECT_NE(std::string(glossa_last_error()).find(glossa_version()), std::string::npos)
      << glossa_last_error();
}

TEST(CApi, OptionsWithoutTheirSizeAreRefused) {
  glossa_recognizer_options options = recognizer_options(kModel);
  options.size = 0;
  glossa_recognizer* recognizer = nullptr;
  EXPECT_EQ(glossa_recognizer_load(&options, &recognizer), GLOSSA_INVALID_ARGUMENT);
  constexpr std::size_t kFirstSize = offsetof(glossa_recognizer_options, weights);
  options.size = kFirstSize - 1;
  EXPECT_EQ(glossa_recognizer_load(&options, &recognizer), GLOSSA_INVALID_ARGUMENT);
  EXPECT_EQ(glossa_recognizer_options_init(&options, kFirstSize - 1), GLOSSA_INVALID_ARGUMENT);
  glossa_stream_options stream;
  EXPECT_EQ(glossa_stream_options_init(&stream, 0), GLOSSA_INVALID_ARGUMENT);
}

TEST(CApi, AProgramOfTheFirstHeaderNeedsNoLaterOption) {
  glossa_recognizer_options options;
  std::memset(&options, 0x55, sizeof options);
  expect_ok(glossa_recognizer_options_init(&options, offsetof(glossa_recognizer_options, weights)));
  options.model = kModel.c_str();
  glossa_recognizer* recognizer = nullptr;
  expect_ok(glossa_recognizer_load(&options, &recognizer));
  const RecognizerHandle owner(recognizer);
  const glossa_model_info* info = nullptr;
  expect_ok(glossa_recognizer_info(recognizer, &info));
  EXPECT_STREQ(info->weights, "f32");
  EXPECT_STREQ(info->kv_cache, "f32");
}

TEST(CApi, WeightFormatsAreChosenByName) {
  glossa_recognizer_options options = recognizer_options(kModel);
  options.weights = "int4";
  options.kv_cache = "bf16";
  glossa_recognizer* recognizer = nullptr;
  expect_ok(glossa_recognizer_load(&options, &recognizer));
  const RecognizerHandle owner(recognizer);
  const glossa_model_info* info = nullptr;
  expect_ok(glossa_recognizer_info(recognizer, &info));
  EXPECT_STREQ(info->weights, "int4");
  EXPECT_STREQ(info->kv_cache, "bf16");
  options.weights = "int5";
  glossa_recognizer* none = nullptr;
  EXPECT_EQ(glossa_recognizer_load(&options, &none), GLOSSA_INVALID_ARGUMENT);
  EXPECT_NE(std::string(glossa_last_error()).find("int4"), std::string::npos) << glossa_last_error();
}

TEST(CApi, InitWritesNoFurtherThanItsSize) {
  LaterStreamOptions options;
  std::memset(&options, 0x55, sizeof options);
  expect_ok(glossa_stream_options_init(&options.known, sizeof options.known));
  EXPECT_EQ(options.later_option, 0x5555555555555555);
}

TEST(CApi, StreamsOutliveTheirRecognizer) {
  RecognizerHandle recognizer = load();
  const StreamHandle stream = create(recognizer, stream_options());
  recognizer.reset();
  const std::vector<float> silence(3200);
  expect_ok(glossa_stream_accept_waveform(stream.get(), silence.data(), silence.size()));
  expect_ok(glossa_stream_set_target_lang(stream.get(), "de"));
  expect_ok(glossa_stream_reset(stream.get()));
}

}  // namespace
}  // namespace glossa
