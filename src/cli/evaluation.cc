#include "cli/evaluation.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <chrono>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/number_formats.h"
#include "checkpoint/checkpoint.h"
#include "cli/transcriber.h"

namespace glossa::cli {
namespace {

std::string hash_of(std::string_view bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

std::string setting_name(AttContext context) { return fmt::format("[{},{}]", context.left, context.right); }

std::string data_hash(std::span<const eval::EvalUtterance> utterances) {
  std::string all;
  for (const eval::EvalUtterance& utterance : utterances) {
    const std::string file = utterance.id.substr(utterance.id.rfind('/') + 1);  // the same in any folder
    for (const std::string& part : {file, utterance.reference, utterance.target_lang})
      all.append(part).push_back('\0');
  }
  return hash_of(all);
}

}  // namespace

std::int64_t EvaluationRun::unusable() const {
  std::int64_t count = 0;
  for (const EvaluatedSetting& setting : settings) {
    for (const eval::UtteranceResult& result : setting.utterances) count += result.error.empty() ? 0 : 1;
  }
  return count;
}

EvaluationRun evaluate(const Recognizer& recognizer, std::span<const eval::EvalUtterance> utterances,
                       const EvaluationOptions& options, const EvaluationProgress& progress) {
  EvaluationRun run{.model = recognizer.info(), .settings = {}};
  std::vector<AttContext> contexts = options.att_contexts;
  if (contexts.empty()) contexts.push_back(run.model.att_contexts.front());
  std::vector<std::string> phrases;
  for (const BoostedPhrase& phrase : options.boosted_phrases) phrases.push_back(phrase.text);
  double utterances_before = 0;
  double seconds_before = 0;
  for (const AttContext context : contexts) {
    EvaluatedSetting setting{.context = context,
                             .name = setting_name(context),
                             .latency_ms = context.chunk_frames() * run.model.frame_seconds * 1000,
                             .utterances = {},
                             .scores = {},
                             .phrases = {}};
    const std::string text = configuration_text(run.model, context, options, utterances);
    setting.fingerprint = hash_of(text).substr(0, 8);
    eval::EvalProgress last;
    const auto start = std::chrono::steady_clock::now();
    setting.utterances = eval::evaluate_streaming(recognizer, utterances,
                                                  {.att_context = context,
                                                   .target_lang = options.target_lang,
                                                   .unknown_lang_is_auto = options.fallback_to_auto,
                                                   .batch_size = options.batch_size,
                                                   .max_symbols = options.max_symbols,
                                                   .beam_size = options.beam_size,
                                                   .settle_delay = options.settle_delay,
                                                   .boosted_phrases = options.boosted_phrases,
                                                   .language_model = options.language_model,
                                                   .lm_alpha = options.lm_alpha,
                                                   .final_silence = options.final_silence,
                                                   .letter_languages = options.letter_languages},
                                                  [&](const eval::EvalProgress& now) {
                                                    last = now;
                                                    if (progress)
                                                      progress(utterances_before + now.utterances,
                                                               seconds_before + now.seconds);
                                                  });
    setting.processing_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    setting.scores = eval::score_by_language(setting.utterances, setting.name);
    setting.phrases = eval::count_phrases(setting.utterances, phrases, options.letter_languages);
    run.settings.push_back(std::move(setting));
    utterances_before += static_cast<double>(utterances.size());
    seconds_before += last.seconds;
  }
  return run;
}

std::vector<eval::EvalUtterance> eval_utterances(std::span<const Input> inputs, int sample_rate,
                                                 std::string_view text_field) {
  std::vector<eval::EvalUtterance> utterances;
  const auto sounds = std::make_shared<InputReader>(sample_rate);
  for (const Input& input : inputs) {
    if (!input.text)
      fail_bad_input("{}: entry without \"{}\" (expected a reference to score against)", input.name,
                     text_field);
    utterances.push_back({.id = input.offset ? fmt::format("{}@{}", input.audio.string(), *input.offset)
                                             : input.audio.string(),
                          .read = [input, sounds] { return sounds->read(input); },
                          .reference = *input.text,
                          .target_lang = input.target_lang.value_or("")});
  }
  return utterances;
}

std::string file_hash(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

std::string checkpoint_hash(const std::filesystem::path& path) {
  const auto files = checkpoint::checkpoint_files(path);
  if (files.size() == 1) return file_hash(files.front());
  std::string hashes;
  for (const std::filesystem::path& file : files)
    hashes += fmt::format("{}={}\n", file.filename().string(), file_hash(file));
  return fmt::format("{:016x}", XXH3_64bits(hashes.data(), hashes.size()));
}

std::string configuration_text(const ModelInfo& model, AttContext context, const EvaluationOptions& options,
                               std::span<const eval::EvalUtterance> utterances) {
  std::string text = fmt::format(
      "model={}\nfile={}\nparameters={}\nvocabulary={}\nweights={}\nkv_cache={}\nbackend={}\n"
      "streaming=exact\natt_context_size={}\ntarget_lang={}\nfallback_to_auto={}\nmax_symbols={}\nfinal_"
      "silence={}\n"
      "normalizer={}\nletter_languages={}\nutterances={}\ndata={}\n",
      model.name, options.model_hash, model.parameters, model.vocabulary, name_of(model.weights),
      name_of(model.kv_cache), model.backend, setting_name(context), options.target_lang.value_or("manifest"),
      options.fallback_to_auto, options.max_symbols, options.final_silence, eval::kNormalizerVersion,
      fmt::join(options.letter_languages, ","), utterances.size(), data_hash(utterances));
  if (options.beam_size > 1) text += fmt::format("beam_size={}\n", options.beam_size);
  if (options.settle_delay) text += fmt::format("settle_delay={}\n", *options.settle_delay);
  for (const BoostedPhrase& phrase : options.boosted_phrases)
    text += fmt::format("boost={} {}\n", phrase.score, phrase.text);
  if (options.language_model != nullptr)
    text += fmt::format("lm={}\nlm_alpha={}\n", options.lm_hash, options.lm_alpha);
  return text;
}

}  // namespace glossa::cli
