#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/transformers_layout.h"
#include "checkpoint/transformers_tokenizer.h"
#include "text/lang_tag.h"
#include "text/sentencepiece_model.h"
#include "text/utf8.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::ordered_json;
using text::PieceType;
using text::SegmenterType;

constexpr const char* kPad = "<pad>";
constexpr const char* kBlank = "<blank>";

// Pairs of pieces that join to a piece, the best first, as transformers' generate_merges() orders them.
ordered_json merges_of(const std::vector<text::Piece>& pieces) {
  std::unordered_map<std::string_view, int> ids;
  for (std::size_t id = 0; id < pieces.size(); ++id) ids.emplace(pieces[id].text, static_cast<int>(id));
  struct Merge {
    std::string_view left;
    std::string_view right;
    float score;
  };
  std::vector<Merge> merges;
  for (const text::Piece& piece : pieces) {
    if (piece.type != PieceType::kNormal) continue;
    const std::string_view whole = piece.text;
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      const std::string_view left = whole.substr(0, cut);
      const std::string_view right = whole.substr(cut);
      if (ids.contains(left) && ids.contains(right)) merges.push_back({left, right, piece.score});
    }
  }
  const auto key = [](const Merge& merge) {
    const auto left = static_cast<std::ptrdiff_t>(text::count_characters(merge.left));
    const auto right = static_cast<std::ptrdiff_t>(text::count_characters(merge.right));
    return std::tuple(-merge.score, -left, -right);
  };
  std::stable_sort(merges.begin(), merges.end(),
                   [&](const Merge& a, const Merge& b) { return key(a) < key(b); });
  ordered_json list = ordered_json::array();
  for (const Merge& merge : merges) list.push_back({merge.left, merge.right});
  return list;
}

// Error kInvalidArgument for what a tokenizer.json cannot say.
void expect_writable(const text::SentencePieceProto& proto, const std::string& source) {
  constexpr std::size_t kLongest = 1000;  // bytes: the pairs of a piece are all tried
  if (proto.trainer.treat_whitespace_as_suffix || !proto.normalizer.escape_whitespaces)
    fail_invalid_argument("{}: transformers knows spaces in front of words only, shown as U+2581", source);
  std::set<std::string_view> texts;
  for (const text::Piece& piece : proto.pieces) {
    if (!texts.insert(piece.text).second)
      fail_invalid_argument("{}: '{}' is two pieces, which transformers cannot have", source,
                            printable(piece.text));
    if (piece.text.size() > kLongest) {
      fail_invalid_argument("{}: a piece has {} bytes (expected at most {} for transformers)", source,
                            piece.text.size(), kLongest);
    }
  }
}

const std::string& unknown_of(const std::vector<text::Piece>& pieces, const std::string& source) {
  for (const text::Piece& piece : pieces) {
    if (piece.type == PieceType::kUnknown) return piece.text;
  }
  fail_bad_input("{}: the tokenizer has no unknown piece", source);
}

ordered_json model_json(const text::SentencePieceProto& proto, const std::string& unknown) {
  if (proto.trainer.model_type == SegmenterType::kUnigram) {
    ordered_json vocabulary = ordered_json::array();
    std::size_t unknown_id = 0;
    for (const text::Piece& piece : proto.pieces) {
      if (piece.type == PieceType::kUnknown) unknown_id = vocabulary.size();
      vocabulary.push_back({piece.text, piece.score});
    }
    return {{"type", "Unigram"},
            {"unk_id", unknown_id},
            {"vocab", std::move(vocabulary)},
            {"byte_fallback", proto.trainer.byte_fallback}};
  }
  ordered_json::object_t vocabulary;  // not by its operator[], which looks through all keys
  for (const text::Piece& piece : proto.pieces) vocabulary.emplace_back(piece.text, vocabulary.size());
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", true},
          {"byte_fallback", true},
          {"ignore_merges", false},
          {"vocab", std::move(vocabulary)},
          {"merges", merges_of(proto.pieces)}};
}

ordered_json added_token(std::size_t id, std::string_view content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

ordered_json normalizer_json(const text::NormalizerSpec& normalizer) {
  ordered_json stages = ordered_json::array();
  if (!normalizer.precompiled_charsmap.empty()) {
    stages.push_back(
        {{"type", "Precompiled"},
         {"precompiled_charsmap", to_base64(std::as_bytes(std::span(normalizer.precompiled_charsmap)))}});
  }
  if (normalizer.remove_extra_whitespaces) {
    stages.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
    stages.push_back({{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", text::kWordMark}});
  }
  return {{"type", "Sequence"}, {"normalizers", std::move(stages)}};
}

// Without the first stage <0x41> stays as it is, as it does in NVIDIA's released folder.
ordered_json decoder_json(const ordered_json& metaspace, bool byte_fallback) {
  if (!byte_fallback) return metaspace;
  const ordered_json bytes = {{"type", "ByteFallback"}};
  return {{"type", "Sequence"}, {"decoders", {bytes, metaspace}}};
}

ordered_json sequence(const char* id) { return {{"Sequence", {{"id", id}, {"type_id", 0}}}}; }

}  // namespace

TransformersTokenizer write_transformers_tokenizer(std::span<const std::byte> sentencepiece_model,
                                                   bool multilingual, const std::string& source) {
  const auto proto = text::read_sentencepiece_proto(sentencepiece_model, source);
  expect_writable(proto, source);
  const std::string& unknown = unknown_of(proto.pieces, source);
  TransformersTokenizer written;
  ordered_json added = ordered_json::array();
  std::set<std::string> tags;
  bool padding = false;
  for (std::size_t id = 0; id < proto.pieces.size(); ++id) {
    const text::Piece& piece = proto.pieces[id];
    const bool tag = text::is_lang_tag(piece.text);
    if (piece.text == kPad) {
      padding = true;
      written.padding_id = static_cast<int>(id);
    }
    if (tag) tags.insert(piece.text);
    const bool special =
        tag || piece.text == kPad || piece.type == PieceType::kUnknown || piece.type == PieceType::kControl;
    if (special || piece.type == PieceType::kUserDefined)
      added.push_back(added_token(id, piece.text, special));
  }
  std::size_t next = proto.pieces.size();
  if (!padding) added.push_back(added_token(next++, kPad, true));
  added.push_back(added_token(next, kBlank, true));
  const ordered_json metaspace = {{"type", "Metaspace"},
                                  {"replacement", text::kWordMark},
                                  {"prepend_scheme", proto.normalizer.add_dummy_prefix ? "always" : "never"},
                                  {"split", true}};
  const ordered_json tokenizer = {{"version", "1.0"},
                                  {"truncation", nullptr},
                                  {"padding", nullptr},
                                  {"added_tokens", std::move(added)},
                                  {"normalizer", normalizer_json(proto.normalizer)},
                                  {"pre_tokenizer", metaspace},
                                  {"post_processor",
                                   {{"type", "TemplateProcessing"},
                                    {"single", {sequence("A")}},
                                    {"pair", {sequence("A"), sequence("B")}},
                                    {"special_tokens", ordered_json::object()}}},
                                  {"decoder", decoder_json(metaspace, proto.trainer.byte_fallback)},
                                  {"model", model_json(proto, unknown)}};
  const ordered_json config = {
      {"backend", "tokenizers"},
      {"clean_up_tokenization_spaces", false},
      {"extra_special_tokens", tags},
      {"model_max_length", std::numeric_limits<std::int32_t>::max()},
      {"pad_token", kPad},
      {"processor_class", multilingual ? "Nemotron3_5AsrProcessor" : "NemotronAsrStreamingProcessor"},
      {"tokenizer_class", "ParakeetTokenizer"},
      {"unk_token", unknown}};
  constexpr int kIndent = 2;
  written.tokenizer = tokenizer.dump(kIndent) + "\n";
  written.tokenizer_config = config.dump(kIndent) + "\n";
  return written;
}

}  // namespace glossa::checkpoint
