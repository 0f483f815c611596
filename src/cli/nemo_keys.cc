#include "cli/nemo_keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <string_view>

#include "base/edit_distance.h"
#include "base/fail.h"
#include "cli/common_options.h"

namespace glossa::cli {
namespace {

// One word: where it came from is the key itself.
struct KeyValue {
  std::string key;
  std::string value;
};

bool to_bool(const KeyValue& word) {
  std::string value = word.value;
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::tolower(c); });
  if (value == "true" || value == "yes" || value == "on" || value == "1") return true;
  if (value == "false" || value == "no" || value == "off" || value == "0") return false;
  fail_invalid_argument("wrong value (expected true or false, got {}, from {}=)", word.value, word.key);
}

int to_int(const KeyValue& word, int smallest) {
  int value = 0;
  const char* end = word.value.data() + word.value.size();
  const auto [last, error] = std::from_chars(word.value.data(), end, value);
  if (error != std::errc() || last != end || value < smallest) {
    fail_invalid_argument("wrong value (expected a whole number of {} or more, got {}, from {}=)", smallest,
                          word.value, word.key);
  }
  return value;
}

float to_number(const KeyValue& word) {
  float value = 0;
  const char* end = word.value.data() + word.value.size();
  const auto [last, error] = std::from_chars(word.value.data(), end, value);
  if (error != std::errc() || last != end || !(value >= 0)) {
    fail_invalid_argument("wrong value (expected a number of 0 or more, got {}, from {}=)", word.value,
                          word.key);
  }
  return value;
}

// A setting that glossa has only one value of.
void accept_only(const KeyValue& word, std::initializer_list<std::string_view> values, std::string_view why) {
  if (std::find(values.begin(), values.end(), word.value) != values.end()) return;
  std::string expected = "null";
  for (const std::string_view value : values) expected += fmt::format(" or {}", value);
  fail_invalid_argument("{} (expected {}, got {}, from {}=)", why, expected, word.value, word.key);
}

using Setter = std::function<void(NemoKeys&, const KeyValue&)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"model_path", [](NemoKeys& keys, const KeyValue& word) { keys.model_path = word.value; }},
      {"audio_dir", [](NemoKeys& keys, const KeyValue& word) { keys.audio_dir = word.value; }},
      {"audio_file", [](NemoKeys& keys, const KeyValue& word) { keys.audio_file = word.value; }},
      {"audio_type", [](NemoKeys& keys, const KeyValue& word) { keys.audio_type = word.value; }},
      {"dataset_manifest", [](NemoKeys& keys, const KeyValue& word) { keys.dataset_manifest = word.value; }},
      {"output_path", [](NemoKeys& keys, const KeyValue& word) { keys.output_path = word.value; }},
      {"batch_size", [](NemoKeys& keys, const KeyValue& word) { keys.batch_size = to_int(word, 1); }},
      {"att_context_size",
       [](NemoKeys& keys, const KeyValue& word) {
         keys.att_context_size = parse_att_context(word.value, word.key + "=");
       }},
      {"target_lang", [](NemoKeys& keys, const KeyValue& word) { keys.target_lang = word.value; }},
      {"strip_lang_tags", [](NemoKeys& keys, const KeyValue& word) { keys.strip_lang_tags = to_bool(word); }},
      {"pad_and_drop_preencoded",
       [](NemoKeys& keys, const KeyValue& word) { keys.pad_and_drop_preencoded = to_bool(word); }},
      {"compare_vs_offline",
       [](NemoKeys& keys, const KeyValue& word) { keys.compare_vs_offline = to_bool(word); }},
      {"rnnt_decoding.greedy.max_symbols",
       [](NemoKeys& keys, const KeyValue& word) { keys.max_symbols = to_int(word, 1); }},
      {"rnnt_decoding.greedy.max_symbols_per_step",
       [](NemoKeys& keys, const KeyValue& word) { keys.max_symbols = to_int(word, 1); }},
      {"rnnt_decoding.greedy.ngram_lm_model",
       [](NemoKeys& keys, const KeyValue& word) { keys.ngram_lm_model = word.value; }},
      {"rnnt_decoding.greedy.ngram_lm_alpha",
       [](NemoKeys& keys, const KeyValue& word) { keys.ngram_lm_alpha = to_number(word); }},
      {"rnnt_decoding.strategy",
       [](NemoKeys& keys, const KeyValue& word) {
         accept_only(word, {"greedy", "greedy_batch", "malsd_batch"},
                     "decoding strategy that glossa does not have");
         keys.beam = word.value == "malsd_batch";
       }},
      {"rnnt_decoding.beam.beam_size",
       [](NemoKeys& keys, const KeyValue& word) { keys.beam_size = to_int(word, 2); }},
      {"rnnt_decoding.beam.max_symbols",
       [](NemoKeys& keys, const KeyValue& word) { keys.max_symbols = to_int(word, 1); }},
      {"rnnt_decoding.beam.score_norm",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"true", "True"}, "glossa compares scores per label");
       }},
      {"rnnt_decoding.beam.pruning_mode",
       [](NemoKeys&, const KeyValue& word) { accept_only(word, {"late"}, "glossa prunes late"); }},
      {"rnnt_decoding.beam.blank_lm_score_mode",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"lm_weighted_full"}, "glossa weighs blank, too");
       }},
      {"rnnt_decoding.beam.ngram_lm_model",
       [](NemoKeys& keys, const KeyValue& word) { keys.ngram_lm_model = word.value; }},
      {"rnnt_decoding.beam.ngram_lm_alpha",
       [](NemoKeys& keys, const KeyValue& word) { keys.ngram_lm_alpha = to_number(word); }},
      {"lang_tag_pattern",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {R"(\s*<[a-z]{2}-[A-Z]{2}>)"},
                     "glossa strips tags by their token, not by a pattern");
       }},
      {"decoder_type",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"rnnt"}, "decoder that glossa does not have");
       }},
      {"pretrained_name",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {},
                     "glossa does not download models: use model_path= with the .nemo that lies on Hugging "
                     "Face under this name");
       }},
      {"chunk_size",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"-1"}, "chunks follow from att_context_size=");
       }},
      {"shift_size",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"-1"}, "chunks follow from att_context_size=");
       }},
      {"online_normalization",
       [](NemoKeys&, const KeyValue& word) {
         accept_only(word, {"false", "False"}, "these models have no normalisation");
       }},
  };
  return kSetters;
}

// Keys of NeMo's script that change nothing here: devices, precision, and details of decoders.
constexpr std::array<std::string_view, 12> kNotUsed = {"random_seed",
                                                       "left_chunks",
                                                       "cuda",
                                                       "allow_mps",
                                                       "amp",
                                                       "amp_dtype",
                                                       "compute_dtype",
                                                       "matmul_precision",
                                                       "use_cuda_graphs",
                                                       "debug_mode",
                                                       "compute_timestamps",
                                                       "num_workers"};

bool is_not_used(std::string_view key) {
  return std::find(kNotUsed.begin(), kNotUsed.end(), key) != kNotUsed.end() ||
         key.starts_with("ctc_decoding.") || key.starts_with("rnnt_decoding.");
}

std::string nearest_key(std::string_view key) {
  std::string nearest;
  std::size_t smallest = std::string::npos;
  const auto consider = [&](std::string_view known) {
    const std::size_t distance = edit_distance(key, known);
    if (distance < smallest) {
      smallest = distance;
      nearest = known;
    }
  };
  for (const auto& [known, setter] : setters()) consider(known);
  for (const std::string_view known : kNotUsed) consider(known);
  return nearest;
}

KeyValue split(const std::string& word) {
  const std::size_t equals = word.find('=');
  const std::size_t plus = std::min(word.find_first_not_of('+'), equals);  // Hydra's + and ++ add or override
  KeyValue parts{word.substr(plus, equals - plus), word.substr(equals + 1)};
  if (parts.value.size() >= 2 && (parts.value.front() == '"' || parts.value.front() == '\'') &&
      parts.value.back() == parts.value.front()) {
    parts.value = parts.value.substr(1, parts.value.size() - 2);
  }
  return parts;
}

bool is_default(const KeyValue& word) {
  return word.value == "null" || word.value == "None" || word.value.empty();
}

}  // namespace

bool is_key_value(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return false;
  const std::size_t begin = word.find_first_not_of('+');
  if (begin >= equals || std::isalpha(static_cast<unsigned char>(word[begin])) == 0) return false;
  for (std::size_t index = begin; index < equals; ++index) {
    const auto letter = static_cast<unsigned char>(word[index]);
    if (std::isalnum(letter) == 0 && letter != '_' && letter != '.') return false;
  }
  std::error_code error;
  return !std::filesystem::exists(word, error);
}

NemoKeys parse_nemo_keys(std::span<const std::string> words) {
  NemoKeys keys;
  for (const std::string& text : words) {
    const KeyValue word = split(text);
    if (word.key == "rnnt_decoding.strategy" && !is_default(word)) setters().at(word.key)(keys, word);
  }
  const std::string_view other_search = keys.beam ? "rnnt_decoding.greedy." : "rnnt_decoding.beam.";
  for (const std::string& text : words) {
    const KeyValue word = split(text);
    if (word.key.starts_with(other_search)) {
      keys.not_used.push_back(word.key);
      continue;
    }
    const auto setter = setters().find(word.key);
    if (setter != setters().end()) {
      if (!is_default(word)) setter->second(keys, word);
    } else if (is_not_used(word.key)) {
      keys.not_used.push_back(word.key);
    } else {
      fail_invalid_argument("unknown key {} (nearest known one: {}, from {})", word.key,
                            nearest_key(word.key), text);
    }
  }
  const int inputs = (keys.audio_dir.empty() ? 0 : 1) + (keys.audio_file.empty() ? 0 : 1) +
                     (keys.dataset_manifest.empty() ? 0 : 1);
  if (inputs != 1) {
    fail_invalid_argument(
        "wrong input (expected exactly one of audio_dir=, audio_file=, dataset_manifest=, got {})", inputs);
  }
  return keys;
}

}  // namespace glossa::cli
