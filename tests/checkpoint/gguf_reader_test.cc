#include "checkpoint/gguf_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/tar_builder.h"
#include "checkpoint/gguf_edit.h"
#include "checkpoint/same_config.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/little_endian.h"
#include "support/message_of.h"
#include "support/tiny_model.h"
#include "text/sentencepiece.h"

namespace glossa::checkpoint {
namespace {

using testing::bytes_of;
using testing::gguf_string;
using testing::gguf_text;
using testing::gguf_texts;
using testing::gguf_u32;
using testing::GgufEdit;
using ::testing::HasSubstr;
using testing::little_endian;

std::string file_of(const testing::TinyModelOptions& options, DType dtype) {
  const testing::TemporaryFolder folder;
  const auto nemo = read_nemo(testing::write_tiny_model(options, folder / "models"));
  write_gguf(folder / "m.gguf", *nemo, dtype);
  return testing::read_bytes(folder / "m.gguf");
}

const std::string& tiny_gguf() {
  static const std::string file = file_of({}, DType::kQ8_0);
  return file;
}

std::string gguf_error(const std::string& file) {
  const std::string message = testing::message_of([&] { read_gguf_bytes(bytes_of(file), nullptr, "x.gguf"); },
                                                  ErrorCode::kBadInput, "x.gguf: ");
  EXPECT_THAT(message, ::testing::Not(HasSubstr("\n")));
  return message;
}

// The error after a change to the tiny file.
std::string error_with(const std::function<void(GgufEdit&)>& change) {
  GgufEdit edit(tiny_gguf());
  change(edit);
  return gguf_error(edit.file());
}

std::string error_with_value(const std::string& key, const std::string& value) {
  return error_with([&](GgufEdit& edit) { edit.value(key) = value; });
}

TEST(GgufReader, AnEditWithoutChangeIsTheFile) { EXPECT_EQ(GgufEdit(tiny_gguf()).file(), tiny_gguf()); }

TEST(GgufReader, TensorsPointIntoTheFile) {
  const auto checkpoint = read_gguf_bytes(bytes_of(tiny_gguf()), nullptr, "x.gguf");
  const auto* begin = reinterpret_cast<const std::byte*>(tiny_gguf().data());
  std::size_t inside = 0;
  for (const TensorView& tensor : checkpoint->tensors())
    inside += tensor.bytes.data() >= begin &&
              tensor.bytes.data() + tensor.bytes.size() <= begin + tiny_gguf().size();
  EXPECT_EQ(inside, checkpoint->tensors().size() - 1);  // all but the window
  EXPECT_EQ(checkpoint->find("no.such.tensor"), nullptr);
  EXPECT_EQ(checkpoint->tensor("joint.pred.weight").dtype, DType::kF16);  // rows of 24
  EXPECT_EQ(checkpoint->tensor("joint.enc.weight").dtype, DType::kQ8_0);  // rows of 32
}

TEST(GgufReader, WrongContainers) {
  EXPECT_THAT(gguf_error(""), HasSubstr("not a GGUF file"));
  EXPECT_THAT(gguf_error("GGU"), HasSubstr("not a GGUF file"));
  EXPECT_THAT(gguf_error("GGUF"), HasSubstr("truncated: the version at byte 4 takes 4 bytes"));
  EXPECT_THAT(error_with([](GgufEdit& edit) { edit.magic = "GGML"; }), HasSubstr("not a GGUF file"));
  EXPECT_THAT(error_with([](GgufEdit& edit) { edit.version = 1; }),
              HasSubstr("GGUF version 1 (expected 2 or 3"));
  EXPECT_THAT(error_with([](GgufEdit& edit) { edit.version = 4; }), HasSubstr("GGUF version 4"));
  EXPECT_THAT(error_with([](GgufEdit& edit) { edit.version = 0x03000000; }), HasSubstr("big-endian"));
  EXPECT_EQ(error_with([](GgufEdit& edit) { edit.version = 2; }), "no error");
}

TEST(GgufReader, HugeCounts) {
  const std::string huge = little_endian(~std::uint64_t{0}, 8);
  const std::string head = "GGUF" + little_endian(3, 4);
  EXPECT_THAT(gguf_error(head + huge + little_endian(1, 8)),
              HasSubstr("the number of tensors is 18446744073709551615"));
  EXPECT_THAT(gguf_error(head + little_endian(0, 8) + huge), HasSubstr("the number of metadata values is"));
  const std::string one = head + little_endian(0, 8) + little_endian(1, 8);
  EXPECT_THAT(gguf_error(one + huge + "key..."),
              HasSubstr("a metadata key at byte 32 takes 18446744073709551615 bytes"));
  const std::string key = one + gguf_string("key");
  EXPECT_THAT(gguf_error(key + little_endian(8, 4) + huge), HasSubstr("key at byte"));
  EXPECT_THAT(gguf_error(key + little_endian(9, 4) + little_endian(4, 4) + huge), HasSubstr("too many"));
  EXPECT_THAT(
      gguf_error(key + little_endian(9, 4) + little_endian(8, 4) + little_endian(3, 8) + gguf_string("a")),
      HasSubstr("truncated"));
  EXPECT_THAT(gguf_error(key + little_endian(9, 4) + little_endian(9, 4) + little_endian(1, 8) + "xxxx"),
              HasSubstr("no array of arrays"));
  EXPECT_THAT(gguf_error(key + little_endian(13, 4) + "xxxxxxxx"), HasSubstr("has the type 13"));
}

TEST(GgufReader, EveryTruncationIsAnError) {
  const std::size_t data = tiny_gguf().size() - GgufEdit(tiny_gguf()).data.size();
  for (std::size_t length = 0; length < tiny_gguf().size();
       length += length < 4000 || length + 4000 > data ? 241 : 4999)
    EXPECT_NE(gguf_error(tiny_gguf().substr(0, length)), "no error") << length;
  EXPECT_NE(gguf_error(tiny_gguf().substr(0, tiny_gguf().size() - 33)), "no error");
}

TEST(GgufReader, WrongTensors) {
  const std::string name = "joint.enc.weight";
  const auto with = [&](const std::function<void(GgufEdit::Tensor&)>& change) {
    return error_with([&](GgufEdit& edit) { change(edit.tensor(name)); });
  };
  using Tensor = GgufEdit::Tensor;
  EXPECT_THAT(with([](Tensor& tensor) {
                tensor.dims = {24, 32};
              }),
              HasSubstr("expected rows of a multiple of 32"));
  EXPECT_THAT(with([](Tensor& tensor) { std::swap(tensor.dims[0], tensor.dims[1]), tensor.type = 1; }),
              HasSubstr("joint.enc.weight is [32,24], expected [24,32]"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.dims = {}; }),
              HasSubstr("has 0 dimensions (expected 1 to 4)"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.dims = {1, 1, 1, 1, 1}; }), HasSubstr("has 5 dimensions"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.dims = {0, 24}; }), HasSubstr("has a dimension of 0"));
  EXPECT_THAT(with([](Tensor& tensor) {
                tensor.dims = {std::uint64_t{1} << 32, std::uint64_t{1} << 32};
              }),
              HasSubstr("elements in all"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.dims = {~std::uint64_t{0}}; }), HasSubstr("elements in all"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.type = 3; }), HasSubstr("has ggml's type 3 (expected f32, "));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.offset += 8; }), HasSubstr("expected a multiple of 32"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.offset = std::uint64_t{1} << 62; }),
              HasSubstr("truncated: joint.enc"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.offset = ~std::uint64_t{31}; }),
              HasSubstr("truncated: joint.enc"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.name = "joint.pred.weight"; }), HasSubstr("occurs twice"));
  EXPECT_THAT(with([](Tensor& tensor) { tensor.name = "strange\n"; }),
              HasSubstr("tensor joint.enc.weight is missing (expected [24,32])"));
  EXPECT_THAT(error_with([&](GgufEdit& edit) {
                edit.tensors.push_back(edit.tensor(name));
                edit.tensors.back().name = "strange\n";
              }),
              HasSubstr("tensor strange? of shape [24,32] does not belong"));
  EXPECT_THAT(error_with([&](GgufEdit& edit) { edit.remove("encoder.layers.1.norm_out.bias"); }),
              HasSubstr("encoder.layers.1.norm_out.bias is missing"));
}

TEST(GgufReader, ManyTensorsInOnePlaceAreRefused) {
  const auto with_copies = [](int copies) {  // of the table of positions, most of the file
    return error_with([&](GgufEdit& edit) {
      for (; copies > 0; --copies) {
        edit.tensors.push_back(edit.tensor("encoder.pos_enc.pe"));
        edit.tensors.back().name = "loss." + std::to_string(copies);  // ignored, whatever it is
      }
    });
  };
  EXPECT_EQ(with_copies(1), "no error");
  EXPECT_THAT(with_copies(2), HasSubstr("more than twice"));
}

TEST(GgufReader, WrongMetadata) {
  const auto missing = [](const std::string& key) {
    return error_with([&](GgufEdit& edit) { edit.remove(key); });
  };
  EXPECT_THAT(missing("general.architecture"), HasSubstr("general.architecture is missing"));
  EXPECT_THAT(missing("asr.encoder.n_layers"),
              HasSubstr("asr.encoder.n_layers is missing (expected a whole number)"));
  EXPECT_THAT(error_with_value("general.architecture", gguf_text("llama")),
              HasSubstr("general.architecture is 'llama' (expected 'asr')"));
  EXPECT_THAT(error_with_value("asr.head_type", gguf_text("tdt")),
              HasSubstr("asr.head_type is 'tdt' (expected 'rnnt')"));
  EXPECT_THAT(error_with_value("asr.encoder.q8_layout", gguf_text("tensor_planar_v1")),
              HasSubstr("asr.encoder.q8_layout is 'tensor_planar_v1' (expected 'block_q8_0')"));
  EXPECT_THAT(error_with_value("asr.encoder.qkv_q8_layout", gguf_text("tensor_planar_v1")),
              HasSubstr("qkv_q8_layout"));
  EXPECT_THAT(error_with_value("asr.encoder.n_layers", gguf_text("2")), HasSubstr("has the metadata type 8"));
  EXPECT_THAT(error_with_value("asr.encoder.n_layers", gguf_u32(3)), HasSubstr("encoder.layers.2."));
  EXPECT_THAT(error_with_value("asr.encoder.n_layers", gguf_u32(1)), HasSubstr("does not belong"));
  EXPECT_THAT(error_with_value("asr.encoder.n_layers", gguf_u32(0xffffffff)),
              HasSubstr("n_layers is 4294967295"));
  EXPECT_THAT(error_with_value("asr.encoder.d_model", gguf_u32(0)),
              HasSubstr("d_ff is 128 (expected a multiple"));
  EXPECT_THAT(error_with_value("asr.encoder.conv_norm", gguf_text("batch_norm")), HasSubstr("'batch_norm'"));
  EXPECT_THAT(error_with_value("asr.preprocessor.normalize", gguf_text("per_feature")),
              HasSubstr("'per_feature'"));
  EXPECT_THAT(error_with_value("asr.preprocessor.hann_periodic", little_endian(7, 4) + "\1"),
              HasSubstr("hann_periodic is true"));
  EXPECT_THAT(error_with_value("asr.preprocessor.preemph", little_endian(6, 4) + little_endian(0, 4)),
              HasSubstr("preemph is 0 (expected 0.97)"));
  EXPECT_THAT(error_with_value("asr.rnnt.blank_id", gguf_u32(0)),
              HasSubstr("blank_id is 0 (expected the last of"));
  EXPECT_THAT(error_with_value("asr.rnnt.pred_embed_dim", gguf_u32(8)), HasSubstr("pred_embed_dim is 8"));
  EXPECT_THAT(error_with_value("asr.rnnt.prompt_dictionary", gguf_texts({"en"})),
              HasSubstr("has 'en' (expected language:slot)"));
  EXPECT_THAT(error_with_value("asr.rnnt.prompt_dictionary", gguf_texts({"en:-1"})),
              HasSubstr("expected language:slot"));
  EXPECT_THAT(error_with_value("asr.rnnt.prompt_dictionary", gguf_texts({"en:99999"})),
              HasSubstr("slot 99999"));
  EXPECT_THAT(error_with_value("asr.rnnt.num_prompts", gguf_u32(0)), HasSubstr("num_prompts is 0"));
  EXPECT_THAT(error_with_value("asr.tokenizer.spm_model", gguf_text("???")), HasSubstr("expected base64"));
  EXPECT_THAT(error_with_value("asr.rnnt.max_symbols_per_step", gguf_u32(0)), HasSubstr("max_symbols is 0"));
  EXPECT_THAT(error_with_value("glossa.att_context_sizes", little_endian(9, 4) + little_endian(5, 4) +
                                                               little_endian(1, 8) + little_endian(56, 4)),
              HasSubstr("expected pairs"));
  EXPECT_THAT(error_with([](GgufEdit& edit) { edit.values.push_back(edit.values.front()); }),
              HasSubstr("occurs twice"));
  EXPECT_THAT(error_with([](GgufEdit& edit) {
                edit.values.push_back({"general.alignment", gguf_u32(24)});
              }),
              HasSubstr("general.alignment is 24 (expected a power of two"));
}

// What a foreign file looks like: no key of glossa's, the keys that only newer converters write left out.
TEST(GgufReader, TheWindowMayBeGiven) {
  const auto file_with = [](std::uint32_t element, const std::vector<float>& values) {
    GgufEdit edit(tiny_gguf());
    std::string bytes = little_endian(9, 4) + little_endian(element, 4) + little_endian(values.size(), 8);
    bytes.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
    edit.values.push_back({"glossa.preprocessor_window", bytes});
    return edit.file();
  };
  std::vector<float> values(400);
  for (std::size_t index = 0; index < values.size(); ++index) values[index] = static_cast<float>(index);
  const std::string file = file_with(6, values);
  EXPECT_EQ(
      read_gguf_bytes(bytes_of(file), nullptr, "x.gguf")->tensor("preprocessor.featurizer.window").to_f32(),
      values);
  EXPECT_THAT(gguf_error(file_with(5, values)),
              HasSubstr("glossa.preprocessor_window has the metadata type 9"));
  values.pop_back();
  EXPECT_THAT(gguf_error(file_with(6, values)),
              HasSubstr("glossa.preprocessor_window has 399 numbers (expected 400"));
}

TEST(GgufReader, ForeignFiles) {
  GgufEdit edit(tiny_gguf());
  edit.remove("glossa.att_context_sizes");
  edit.remove("asr.encoder.q8_layout");
  edit.remove("asr.encoder.qkv_q8_layout");
  edit.remove("asr.preprocessor.mask_invalid_frames");
  edit.value("asr.rnnt.prompt_dictionary") = gguf_texts({"en-US:0", "False:3", "no:3", "auto:15"});
  const auto read = [&] { return read_gguf_bytes(bytes_of(edit.file()), nullptr, "x.gguf")->config(); };
  EXPECT_EQ(read().encoder.att_contexts,
            (std::vector<AttContext>{{56, 3}, {56, 0}, {56, 1}, {56, 6}, {56, 13}}));
  EXPECT_EQ(read().prompt.dictionary,
            (std::vector<std::pair<std::string, int>>{{"en-US", 0}, {"no", 3}, {"auto", 15}}));
  edit.value("asr.encoder.offline_left_ctx") = little_endian(5, 4) + little_endian(70, 4);
  edit.value("asr.encoder.offline_right_ctx") = little_endian(5, 4) + little_endian(13, 4);
  EXPECT_EQ(read().encoder.att_contexts, (std::vector<AttContext>{{70, 13}}));
}

// Pointwise convolutions in PyTorch's shape, and a general.alignment, are legal too.
TEST(GgufReader, OtherWaysToSayTheSame) {
  GgufEdit edit(tiny_gguf());
  edit.values.push_back({"general.alignment", gguf_u32(16)});
  auto& tensor = edit.tensor("encoder.layers.0.conv.pointwise_conv1.weight");
  tensor.dims.insert(tensor.dims.begin(), 1);
  tensor.type = 1;
  tensor.offset = 0;
  const auto checkpoint = read_gguf_bytes(bytes_of(edit.file()), nullptr, "x.gguf");
  EXPECT_EQ(checkpoint->tensor("encoder.layers.0.conv.pointwise_conv1.weight").shape,
            (std::vector<std::int64_t>{64, 32, 1}));
}

// A file without SentencePiece model: every piece decodes as with it.
TEST(GgufReader, TokenizerFromItsPieces) {
  for (const char* name : {"tok256", "tok512bytes"}) {
    SCOPED_TRACE(name);
    testing::TinyModelOptions options;
    options.tokenizer = name;
    GgufEdit edit(file_of(options, DType::kF16));
    const auto full = read_gguf_bytes(bytes_of(edit.file()), nullptr, "x.gguf");
    edit.remove("asr.tokenizer.spm_model");
    const std::string file = edit.file();
    const auto made = read_gguf_bytes(bytes_of(file), nullptr, "x.gguf");
    const text::SentencePiece expected(full->tokenizer_model(), "full");
    const text::SentencePiece pieces(made->tokenizer_model(), "made");
    ASSERT_EQ(pieces.size(), expected.size());
    for (int id = 0; id < pieces.size(); ++id) {
      EXPECT_EQ(pieces.piece(id), expected.piece(id));
      EXPECT_EQ(pieces.type(id), expected.type(id)) << pieces.piece(id);
    }
  }
}

TEST(GgufReader, FingerprintIsThatOfTheNumbers) {
  const auto fingerprint = [](const std::string& file) {
    return read_gguf_bytes(bytes_of(file), nullptr, "x.gguf")->fingerprint();
  };
  EXPECT_EQ(fingerprint(tiny_gguf()), fingerprint(file_of({}, DType::kQ8_0)));
  GgufEdit edit(tiny_gguf());
  edit.data[edit.tensor("joint.enc.weight").offset + 5] ^= 1;
  EXPECT_NE(fingerprint(tiny_gguf()), fingerprint(edit.file()));
  edit = GgufEdit(tiny_gguf());
  edit.value("asr.rnnt.max_symbols_per_step") = gguf_u32(7);
  EXPECT_NE(fingerprint(tiny_gguf()), fingerprint(edit.file()));
}

TEST(GgufReader, FlippedBytesNeverCrash) {
  const std::size_t data = tiny_gguf().size() - GgufEdit(tiny_gguf()).data.size();
  std::uint32_t random = 1;
  int refused = 0;
  for (std::size_t at = 0; at < data; at += at < 3000 || at + 6000 > data ? 7 : 4999) {
    std::string file = tiny_gguf();
    random = random * 1664525 + 1013904223;
    file[at] = static_cast<char>(file[at] ^ (1 + (random >> 24) % 255));
    refused += gguf_error(file) != "no error";
  }
  EXPECT_GT(refused, 500);
}

TEST(ReadCheckpoint, GoesByTheFirstBytes) {
  const testing::TemporaryFolder folder;
  const auto nemo = testing::golden_model_path("tiny");
  write_gguf(folder / "named.nemo", *read_checkpoint(nemo), DType::kF32);
  testing::expect_same_config(read_checkpoint(folder / "named.nemo")->config(),
                              read_checkpoint(nemo)->config());
  std::ofstream(folder / "empty").close();
  EXPECT_THROW(read_checkpoint(folder / "empty"), Error);
  EXPECT_THROW(read_checkpoint(folder / "nowhere"), Error);
}

}  // namespace
}  // namespace glossa::checkpoint
