#include "checkpoint/transformers_tokenizer.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/transformers_layout.h"
#include "text/lang_tag.h"
#include "text/sentencepiece_model.h"
#include "text/sentencepiece_writer.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using text::PieceType;
using text::SegmenterType;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, which stands for a space
constexpr const char* kPad = "<pad>";
constexpr const char* kBlank = "<blank>";
constexpr int kBytes = 256;

// ---- tokenizer.json -> SentencePiece

class TokenizerReader {
 public:
  TokenizerReader(const json& file, std::string source, int size)
      : file_(file), source_(std::move(source)), pieces_(static_cast<std::size_t>(size)) {}

  text::SentencePieceProto read() {
    text::SentencePieceProto proto;
    const json& model = file_.at("model");
    unknown_ = read_model(model, proto);
    read_added_tokens();
    int bytes = 0;
    for (std::size_t id = 0; id < pieces_.size(); ++id) {
      if (pieces_[id].text.empty()) fail_bad_input("{}: no token has the id {}", source_, id);
      if (text::byte_of_piece(pieces_[id].text) >= 0) {
        pieces_[id].type = PieceType::kByte;
        ++bytes;
      }
    }
    pieces_.at(unknown_).type = PieceType::kUnknown;
    proto.pieces = std::move(pieces_);
    proto.trainer.byte_fallback = bytes == kBytes && model.value("byte_fallback", false);
    if (!proto.trainer.byte_fallback) {
      for (text::Piece& piece : proto.pieces) {
        if (piece.type == PieceType::kByte) piece.type = PieceType::kNormal;
      }
    }
    proto.normalizer = read_normalizer();
    return proto;
  }

 private:
  // The id of the unknown piece.
  std::size_t read_model(const json& model, text::SentencePieceProto& proto) {
    const std::string type = model.value("type", "");
    if (type == "Unigram") {
      proto.trainer.model_type = SegmenterType::kUnigram;
      std::size_t id = 0;
      for (const auto& [piece, score] :
           model.at("vocab").get<std::vector<std::pair<std::string, double>>>()) {
        place(id, piece);
        pieces_[id++].score = static_cast<float>(score);
      }
      return model.at("unk_id").get<std::size_t>();
    }
    if (type != "BPE")
      fail_bad_input("{}: model.type is '{}' (expected BPE or Unigram)", source_, printable(type));
    proto.trainer.model_type = SegmenterType::kBpe;
    const auto vocabulary = model.at("vocab").get<std::map<std::string, std::size_t>>();
    for (const auto& [piece, id] : vocabulary) place(id, piece);
    score_by_merges(model.at("merges"), vocabulary);
    return vocabulary.at(model.at("unk_token").get<std::string>());
  }

  void place(std::size_t id, const std::string& piece) {
    if (id >= pieces_.size() || !pieces_[id].text.empty()) {
      fail_bad_input("{}: '{}' has the id {} (expected one of its own, below {})", source_, printable(piece),
                     id, pieces_.size());
    }
    pieces_[id].text = piece;
  }

  // SentencePiece joins the pair whose piece has the highest score; transformers that which comes first.
  void score_by_merges(const json& merges, const std::map<std::string, std::size_t>& vocabulary) {
    std::vector<bool> scored(pieces_.size());
    float score = 0;
    const auto give = [&](std::size_t id) {
      if (!scored[id]) pieces_[id].score = score--;
      scored[id] = true;
    };
    for (const json& merge : merges) {
      std::string joined;
      if (merge.is_string()) {  // "l r", as older versions write it
        joined = merge.get<std::string>();
        joined.erase(std::min(joined.find(' '), joined.size()), 1);
      } else {
        const auto [left, right] = merge.get<std::pair<std::string, std::string>>();
        joined = left + right;
      }
      const auto found = vocabulary.find(joined);
      if (found == vocabulary.end())
        fail_bad_input("{}: model.merges has '{}', which model.vocab has not", source_, printable(joined));
      give(found->second);
    }
    for (std::size_t id = 0; id < pieces_.size(); ++id)
      give(id);  // single characters, which nothing is joined to
  }

  void read_added_tokens() {
    const auto added = file_.find("added_tokens");
    if (added == file_.end() || added->is_null()) return;
    for (const json& token : *added) {
      const auto id = token.at("id").get<std::size_t>();
      if (id >= pieces_.size() || id == unknown_) continue;  // <pad>, <blank>
      const auto content = token.at("content").get<std::string>();
      if (pieces_[id].text.empty()) pieces_[id].text = content;
      if (pieces_[id].text != content) {
        fail_bad_input("{}: added_tokens has '{}' as {} (expected '{}')", source_, printable(content), id,
                       printable(pieces_[id].text));
      }
      const bool control = token.value("special", false) && !text::is_lang_tag(content);
      pieces_[id].type = control ? PieceType::kControl : PieceType::kUserDefined;
    }
  }

  // Sequence of Precompiled, Strip, Replace of several spaces; Metaspace in front of the first word.
  text::NormalizerSpec read_normalizer() const {
    text::NormalizerSpec spec;
    spec.remove_extra_whitespaces = false;
    for (const json& stage : stages_of("normalizer", "normalizers")) {
      const std::string type = stage.value("type", "");
      if (type == "Precompiled") {
        spec.precompiled_charsmap = charsmap(stage);
      } else if (type == "Replace") {
        spec.remove_extra_whitespaces = true;
      } else if (type != "Strip") {
        fail_bad_input("{}: normalizer has '{}' (expected Precompiled, Strip or Replace)", source_,
                       printable(type));
      }
    }
    spec.add_dummy_prefix = false;
    for (const json& stage : stages_of("pre_tokenizer", "pretokenizers")) {
      const std::string type = stage.value("type", "");
      if (type != "Metaspace")
        fail_bad_input("{}: pre_tokenizer has '{}' (expected Metaspace)", source_, printable(type));
      spec.add_dummy_prefix = stage.value("prepend_scheme", "always") != "never";
    }
    return spec;
  }

  std::string charsmap(const json& stage) const {
    const auto bytes = from_base64(stage.at("precompiled_charsmap").get<std::string>());
    if (!bytes) fail_bad_input("{}: precompiled_charsmap is damaged (expected base64)", source_);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  }

  // A stage alone, or those of a Sequence.
  std::vector<json> stages_of(const char* key, const char* list) const {
    const auto found = file_.find(key);
    if (found == file_.end() || found->is_null()) return {};
    if (found->value("type", "") != "Sequence") return {*found};
    return found->at(list).get<std::vector<json>>();
  }

  const json& file_;
  std::string source_;
  std::vector<text::Piece> pieces_;
  std::size_t unknown_ = 0;
};

std::vector<std::byte> model_of_json(const std::string& text, int size, const std::string& source) {
  try {
    const json file = json::parse(text);
    return text::write_sentencepiece_proto(TokenizerReader(file, source, size).read());
  } catch (const json::exception& error) {
    fail_bad_input("{}: not a tokenizer: {}", source, printable(error.what()));
  } catch (const std::out_of_range&) {
    fail_bad_input("{}: not a tokenizer: its unknown token is none of its tokens", source);
  }
}

// Whoever changed one file of a folder and not the other would decode into wrong words.
void expect_same_pieces(const TransformersFolder& folder, const std::vector<text::Piece>& pieces, int size) {
  const std::string source = folder.path_of(kTokenizerFile);
  const auto model = model_of_json(folder.text(kTokenizerFile), size, source);
  const auto others = text::read_sentencepiece_proto(model, source).pieces;
  for (std::size_t id = 0; id < pieces.size() && id < others.size(); ++id) {
    if (pieces[id].text == others[id].text) continue;
    fail_bad_input("{}: piece {} is '{}' (expected '{}', from {}; remove it to go by {} alone)",
                   folder.path_of(kSentencePieceFile), id, printable(pieces[id].text),
                   printable(others[id].text), kTokenizerFile, kTokenizerFile);
  }
}

// ---- SentencePiece -> tokenizer.json

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
  const auto characters = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  for (const text::Piece& piece : pieces) {
    if (piece.type != PieceType::kNormal) continue;
    const std::string_view whole = piece.text;
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      const std::string_view left = whole.substr(0, cut);
      const std::string_view right = whole.substr(cut);
      if (ids.contains(left) && ids.contains(right)) merges.push_back({left, right, piece.score});
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) {
    return std::tuple(-a.score, -characters(a.left), -characters(a.right)) <
           std::tuple(-b.score, -characters(b.left), -characters(b.right));
  });
  ordered_json list = ordered_json::array();
  for (const Merge& merge : merges) list.push_back({merge.left, merge.right});
  return list;
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
    stages.push_back({{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", kSpace}});
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

TokenizerFiles read_transformers_tokenizer(const TransformersFolder& folder, int size) {
  const std::string size_key = fmt::format("vocab_size of {} without blank", kConfigFile);
  if (const std::string* own = folder.find(kSentencePieceFile)) {
    const std::string source = folder.path_of(kSentencePieceFile);
    const auto bytes = std::as_bytes(std::span(*own));
    auto files = make_tokenizer_files({bytes.begin(), bytes.end()}, size, source, size_key);
    if (folder.find(kTokenizerFile) != nullptr)
      expect_same_pieces(folder, text::read_sentencepiece_proto(files.model, source).pieces, size);
    return files;
  }
  const std::string source = folder.path_of(kTokenizerFile);
  return make_tokenizer_files(model_of_json(folder.text(kTokenizerFile), size, source), size, source,
                              size_key);
}

TransformersTokenizer write_transformers_tokenizer(std::span<const std::byte> sentencepiece_model,
                                                   bool multilingual, const std::string& source) {
  const auto proto = text::read_sentencepiece_proto(sentencepiece_model, source);
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
                                  {"replacement", kSpace},
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
