// Scoring a model on utterances with references, at one or more latency settings: what `evaluate` does, and
// what a trainer's validation does between its steps.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/inputs.h"
#include "eval/phrase_hits.h"
#include "eval/scores.h"
#include "glossa/recognizer.hpp"

namespace glossa::cli {

struct EvaluationOptions {
  std::vector<AttContext> att_contexts;    // none: the checkpoint's first
  std::optional<std::string> target_lang;  // none: each utterance's own, else "auto"
  bool fallback_to_auto = false;           // for a language that the checkpoint does not have
  int batch_size = 8;                      // never changes a result
  int max_symbols = 0;                     // labels per encoder frame; 0: the checkpoint's
  int beam_size = 1;                       // 1: greedy search
  std::optional<double> settle_delay;      // seconds, as StreamOptions has it
  std::vector<BoostedPhrase> boosted_phrases;
  std::shared_ptr<const LanguageModel> language_model;  // null: none
  float lm_alpha = kDefaultLmAlpha;
  double final_silence = kDefaultFinalSilence;  // seconds
  std::string lm_hash;                          // file_hash() of the language model
  std::vector<std::string> letter_languages = eval::default_letter_languages();
  std::string model_hash;  // checkpoint_hash(), or empty; part of the configuration
};

struct EvaluatedSetting {
  AttContext context;
  std::string name;         // "[56,3]", as in the scores
  double latency_ms = 0;    // length of a chunk
  std::string fingerprint;  // of configuration_text()
  std::vector<eval::UtteranceResult> utterances;
  std::vector<eval::Score> scores;
  std::vector<eval::PhraseHits> phrases;  // of EvaluationOptions::boosted_phrases, in their order
  double processing_seconds = 0;          // on the clock
};

struct EvaluationRun {
  ModelInfo model;
  std::vector<EvaluatedSetting> settings;

  std::int64_t unusable() const;  // utterances, counted once for each setting
};

// Utterances done, over all settings, and seconds of sound recognised so far.
using EvaluationProgress = std::function<void(double utterances, double seconds)>;

// Error kInvalidArgument for a setting that the model cannot run. Sound is read once per setting.
EvaluationRun evaluate(const Recognizer& recognizer, std::span<const eval::EvalUtterance> utterances,
                       const EvaluationOptions& options, const EvaluationProgress& progress);

// Entries of a manifest as utterances; an id is the path of the sound, with "@offset" when it has one. Error
// kBadInput names an entry without a text; `text_field`: its key, for that message.
std::vector<eval::EvalUtterance> eval_utterances(std::span<const Input> inputs, int sample_rate,
                                                 std::string_view text_field = "text");

// XXH3 of the file's bytes, 16 hexadecimal digits. Error kBadInput when it cannot be read.
std::string file_hash(const std::filesystem::path& path);
// Of the file, or of all files that a checkpoint in a folder is read from.
std::string checkpoint_hash(const std::filesystem::path& path);

// All that a figure depends on, one "name=value" a line: the model (its name, checkpoint_hash, sizes, number
// formats and kernels), the setting (context, language, search, boosted phrases, language model), the scoring
// (version, letter languages) and the data (number of utterances, hash of file names, references and
// languages). batch_size and threads change nothing and are not in it. Its fingerprint, the first 8
// hexadecimal digits of XXH3, stands beside every WER: figures with the same one are of the same experiment.
std::string configuration_text(const ModelInfo& model, AttContext context, const EvaluationOptions& options,
                               std::span<const eval::EvalUtterance> utterances);

}  // namespace glossa::cli
