// key=value words with the names of NeMo's speech_to_text_cache_aware_streaming_infer.py, so that its command
// lines work with only the program replaced.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::cli {

struct NemoKeys {
  std::filesystem::path model_path;  // empty: not given
  std::filesystem::path audio_dir;   // exactly one of the three inputs is given
  std::filesystem::path audio_file;
  std::filesystem::path dataset_manifest;
  std::string audio_type = "wav";     // extension of the files taken from audio_dir
  std::filesystem::path output_path;  // folder; empty: not given
  int batch_size = 32;
  std::optional<AttContext> att_context_size;
  std::string target_lang = "auto";
  bool strip_lang_tags = false;
  bool pad_and_drop_preencoded = false;
  bool compare_vs_offline = false;
  // rnnt_decoding.strategy is malsd_batch: what follows is of rnnt_decoding.beam, else of
  // rnnt_decoding.greedy.
  bool beam = false;
  int beam_size = kDefaultBeam;
  int max_symbols = 0;                   // 0: the checkpoint's
  std::filesystem::path ngram_lm_model;  // empty: none
  float ngram_lm_alpha = 0;              // 0: it is not asked
  std::vector<std::string> not_used;     // keys NeMo knows and glossa has no use for
};

// True for name=value with a name that could be a key, unless a file of that name exists.
bool is_key_value(const std::string& word);

// Error kInvalidArgument for an unknown key (naming the nearest known one), a value of the wrong kind, a
// setting that glossa cannot honour, or not exactly one input. null stands for a key's default, as in NeMo.
NemoKeys parse_nemo_keys(std::span<const std::string> words);

}  // namespace glossa::cli
