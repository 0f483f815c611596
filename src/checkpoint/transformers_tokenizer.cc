#include "checkpoint/transformers_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/fail.h"
#include "base/printable.h"
#include "checkpoint/bounded_json.h"
#include "checkpoint/transformers_layout.h"
#include "text/lang_tag.h"
#include "text/sentencepiece_model.h"
#include "text/sentencepiece_writer.h"
#include "text/utf8.h"

namespace glossa::checkpoint {
namespace {

using nlohmann::json;
using text::PieceType;
using text::SegmenterType;

constexpr int kBytes = 256;
constexpr double kLargestScore = 1e30;

class TokenizerReader {
 public:
  TokenizerReader(const json& file, std::string source, int size)
      : file_(file), source_(std::move(source)), pieces_(static_cast<std::size_t>(size)) {}

  // Texts, types and, of a BPE model, scores by its merges.
  std::vector<text::Piece> read_pieces() {
    const json& model = file_.at("model");
    const std::string type = model.value("type", "");
    if (type != "BPE" && type != "Unigram")
      fail_bad_input("{}: model.type is '{}' (expected BPE or Unigram)", source_, printable(type));
    if (type == "BPE") {
      read_bpe(model);
    } else {
      read_unigram(model);
    }
    read_added_tokens();
    for (std::size_t id = 0; id < pieces_.size(); ++id) {
      if (pieces_[id].text.empty()) fail_bad_input("{}: no token has the id {}", source_, id);
    }
    pieces_[unknown_].type = PieceType::kUnknown;
    return pieces_;
  }

  text::SentencePieceProto read() {
    text::SentencePieceProto proto;
    proto.pieces = read_pieces();
    const json& model = file_.at("model");
    const bool bpe = model.at("type") == "BPE";
    proto.trainer.model_type = bpe ? SegmenterType::kBpe : SegmenterType::kUnigram;
    const auto is_byte = [](const text::Piece& piece) { return text::byte_of_piece(piece.text) >= 0; };
    proto.trainer.byte_fallback =
        model.value("byte_fallback", false) && std::ranges::count_if(proto.pieces, is_byte) == kBytes;
    for (text::Piece& piece : proto.pieces) {
      if (is_byte(piece)) piece.type = proto.trainer.byte_fallback ? PieceType::kByte : PieceType::kNormal;
    }
    if (bpe) retire_unmerged(proto.pieces);
    proto.normalizer = read_normalizer();
    return proto;
  }

 private:
  void read_unigram(const json& model) {
    std::size_t id = 0;
    for (const json& entry : model.at("vocab")) {
      place(id, entry.at(0).get<std::string>());
      const auto score = entry.at(1).get<double>();
      if (!(std::abs(score) < kLargestScore))
        fail_bad_input("{}: '{}' has the score {}", source_, printable(pieces_[id].text), score);
      pieces_[id++].score = static_cast<float>(score);
    }
    unknown_ = id_of(model.at("unk_id"), "model.unk_id");
  }

  void read_bpe(const json& model) {
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"}) {
      const auto found = model.find(key);
      const bool unused = found == model.end() || found->is_null() || *found == "" || *found == false;
      if (!unused) fail_bad_input("{}: model.{} is {} (expected none)", source_, key, shown(*found));
    }
    for (const auto& [piece, id] : model.at("vocab").items()) {
      const std::size_t at = id_of(id, "model.vocab");
      place(at, piece);
      ids_.emplace(piece, at);
    }
    score_by_merges(model.at("merges"));
    const auto unknown = ids_.find(model.at("unk_token").get<std::string>());
    if (unknown == ids_.end()) fail_bad_input("{}: model.unk_token is none of model.vocab", source_);
    unknown_ = unknown->second;
  }

  std::size_t id_of(const json& value, const char* where) const {
    const auto id = unsigned_of(value);
    if (!id || *id >= pieces_.size()) {
      fail_bad_input("{}: {} has the id {} (expected one below {})", source_, where, shown(value),
                     pieces_.size());
    }
    return static_cast<std::size_t>(*id);
  }

  void place(std::size_t id, const std::string& piece) {
    if (id >= pieces_.size() || !pieces_[id].text.empty()) {
      fail_bad_input("{}: '{}' has the id {} (expected one of its own, below {})", source_, printable(piece),
                     id, pieces_.size());
    }
    pieces_[id].text = piece;
  }

  // SentencePiece joins the pair whose piece has the highest score; transformers that which comes first.
  void score_by_merges(const json& merges) {
    merged_.assign(pieces_.size(), false);
    float score = 0;
    for (const json& merge : merges) {
      std::string joined;
      if (merge.is_string()) {  // "l r", as older versions write it
        joined = merge.get<std::string>();
        joined.erase(std::min(joined.find(' '), joined.size()), 1);
      } else {
        joined = merge.at(0).get<std::string>() + merge.at(1).get<std::string>();
      }
      const auto found = ids_.find(joined);
      if (found == ids_.end())
        fail_bad_input("{}: model.merges has '{}', which model.vocab has not", source_, printable(joined));
      if (!merged_[found->second]) pieces_[found->second].score = score--;
      merged_[found->second] = true;
    }
    for (std::size_t id = 0; id < pieces_.size(); ++id) {
      if (!merged_[id]) pieces_[id].score = score--;
    }
  }

  // Several characters that no merge joins stay apart in transformers.
  void retire_unmerged(std::vector<text::Piece>& pieces) const {
    for (std::size_t id = 0; id < pieces.size(); ++id) {
      if (pieces[id].type == PieceType::kNormal && !merged_[id] &&
          text::count_characters(pieces[id].text) > 1)
        pieces[id].type = PieceType::kUnused;
    }
  }

  void read_added_tokens() {
    const auto added = file_.find("added_tokens");
    if (added == file_.end() || added->is_null()) return;
    for (const json& token : *added) {
      const auto content = token.at("content").get<std::string>();
      const auto number = unsigned_of(token.at("id"));
      if (!number) fail_bad_input("{}: added_tokens: '{}' has no id", source_, printable(content));
      if (*number >= pieces_.size() || *number == unknown_) continue;  // <pad>, <blank>
      const auto id = static_cast<std::size_t>(*number);
      if (pieces_[id].text.empty()) pieces_[id].text = content;
      if (pieces_[id].text != content) {
        fail_bad_input("{}: added_tokens has '{}' as {} (expected '{}')", source_, printable(content), id,
                       printable(pieces_[id].text));
      }
      const bool control = token.value("special", false) && !text::is_lang_tag(content);
      pieces_[id].type = control ? PieceType::kControl : PieceType::kUserDefined;
    }
  }

  // A character map, then both or none of: no spaces at the end, several are one. Metaspace in front of the
  // first word.
  text::NormalizerSpec read_normalizer() const {
    text::NormalizerSpec spec;
    bool strips = false;
    bool joins = false;
    for (const json* stage : stages_of("normalizer", "normalizers")) {
      const std::string type = stage->value("type", "");
      if (type == "Precompiled") {
        spec.precompiled_charsmap = charsmap(*stage);
      } else if (type == "Strip") {
        strips = expect(*stage, "normalizer", {{"strip_left", false}, {"strip_right", true}});
      } else if (type == "Replace") {
        joins =
            expect(*stage, "normalizer", {{"pattern", {{"Regex", " {2,}"}}}, {"content", text::kWordMark}});
      } else {
        fail_bad_input("{}: normalizer has '{}' (expected Precompiled, Strip or Replace)", source_,
                       printable(type));
      }
    }
    if (strips != joins)
      fail_bad_input("{}: normalizer has only one of Strip and Replace (expected both)", source_);
    spec.remove_extra_whitespaces = strips;
    const auto before_words = stages_of("pre_tokenizer", "pretokenizers");
    if (before_words.size() != 1 || before_words.front()->value("type", "") != "Metaspace")
      fail_bad_input("{}: pre_tokenizer is another one (expected Metaspace alone)", source_);
    const json& metaspace = *before_words.front();
    expect(metaspace, "pre_tokenizer", {{"replacement", text::kWordMark}});
    const std::string prepends = metaspace.value("prepend_scheme", "always");
    if (prepends != "always" && prepends != "never") {
      fail_bad_input("{}: pre_tokenizer.prepend_scheme is '{}' (expected always or never)", source_,
                     printable(prepends));
    }
    spec.add_dummy_prefix = prepends == "always";
    return spec;
  }

  // True: a stage is as SentencePiece does it.
  bool expect(const json& stage, const char* where, const json& values) const {
    for (const auto& [key, value] : values.items()) {
      const auto found = stage.find(key);
      if (found != stage.end() && *found == value) continue;
      fail_bad_input("{}: {}.{} is {} (expected {})", source_, where, key,
                     found == stage.end() ? "missing" : shown(*found), value.dump());
    }
    return true;
  }

  std::string charsmap(const json& stage) const {
    const auto bytes = from_base64(stage.at("precompiled_charsmap").get<std::string>());
    if (!bytes) fail_bad_input("{}: precompiled_charsmap is damaged (expected base64)", source_);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  }

  // A stage alone, or those of a Sequence.
  std::vector<const json*> stages_of(const char* key, const char* list) const {
    const auto found = file_.find(key);
    if (found == file_.end() || found->is_null()) return {};
    if (found->value("type", "") != "Sequence") return {&*found};
    std::vector<const json*> stages;
    for (const json& stage : found->at(list)) stages.push_back(&stage);
    return stages;
  }

  const json& file_;
  std::string source_;
  std::vector<text::Piece> pieces_;
  std::unordered_map<std::string, std::size_t> ids_;  // of a BPE model
  std::vector<bool> merged_;
  std::size_t unknown_ = 0;
};

// Calls read(TokenizerReader&) with the folder's tokenizer.json.
template <class Read>
auto read_tokenizer(const TransformersFolder& folder, int size, Read read) {
  const std::string source = folder.path_of(kTokenizerFile);
  const auto file = parse_bounded<json>(folder.text(kTokenizerFile), source);
  try {
    TokenizerReader reader(file, source, size);
    return read(reader);
  } catch (const json::exception& error) {
    fail_bad_input("{}: not a tokenizer: {}", source, printable(error.what()));
  }
}

// Whoever changed one file of a folder and not the other would decode into wrong words.
void expect_same_pieces(const TransformersFolder& folder, const std::vector<text::Piece>& pieces, int size) {
  const auto others =
      read_tokenizer(folder, size, [](TokenizerReader& reader) { return reader.read_pieces(); });
  for (std::size_t id = 0; id < pieces.size() && id < others.size(); ++id) {
    if (pieces[id].text == others[id].text) continue;
    fail_bad_input("{}: piece {} is '{}' (expected '{}', from {}; remove it to go by {} alone)",
                   folder.path_of(kSentencePieceFile), id, printable(pieces[id].text),
                   printable(others[id].text), kTokenizerFile, kTokenizerFile);
  }
}

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
  auto model = read_tokenizer(
      folder, size, [](TokenizerReader& reader) { return text::write_sentencepiece_proto(reader.read()); });
  return make_tokenizer_files(std::move(model), size, folder.path_of(kTokenizerFile), size_key);
}

}  // namespace glossa::checkpoint
