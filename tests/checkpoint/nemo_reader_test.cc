#include "checkpoint/nemo_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/mapped_file.h"
#include "base/tar_builder.h"
#include "base/tar_reader.h"
#include "base/zip_reader.h"
#include "checkpoint/archive_writer.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using ::testing::AllOf;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TarBuilder;
using testing::text_of;

std::string nemo_error(const std::string& archive) {
  return message_of([&] { read_nemo_bytes(bytes_of(archive), nullptr, "x.nemo"); }, ErrorCode::kBadInput,
                    "x.nemo");
}

// The members of tiny.nemo, to be put together again differently.
struct Parts {
  std::string config;
  std::string weights;
  std::string tokenizer;
  std::string tokenizer_name;
};

const Parts& tiny_parts() {
  static const Parts instance = [] {
    const MappedFile file(testing::golden_model_path("tiny"));
    Parts parts;
    for (const TarMember& member : read_tar(file.bytes(), "tiny.nemo")) {
      if (member.name == "model_config.yaml") parts.config = text_of(member.bytes);
      if (member.name == "model_weights.ckpt") parts.weights = text_of(member.bytes);
      if (member.name.ends_with("tokenizer.model")) {
        parts.tokenizer = text_of(member.bytes);
        parts.tokenizer_name = member.name;
      }
    }
    return parts;
  }();
  return instance;
}

std::string archive_of(const Parts& parts) {
  return TarBuilder()
      .member("model_config.yaml", parts.config)
      .member(parts.tokenizer_name, parts.tokenizer)
      .member("model_weights.ckpt", parts.weights)
      .finish();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Expected {
  const char* name;
  std::size_t tensors;
  int d_model, layers, heads, channels, predictor, joint, vocabulary, prompts;
  AttContext first;
  DType dtype;
};

// Oracle: how the golden models were made (tests/data/golden/README.md). Tensors: 2 of the preprocessor, 12
// of the subsampling, 26 per layer, 9 + 6 of the transducer, 4 of the prompt kernel.
TEST(NemoReader, GoldenModels) {
  for (const Expected& e :
       {Expected{"tiny", 111, 64, 3, 4, 32, 80, 96, 256, 128, {56, 13}, DType::kF32},
        Expected{"tiny-fp16", 111, 64, 3, 4, 32, 80, 96, 256, 128, {56, 13}, DType::kF16},
        Expected{"tiny-bf16-gz", 111, 64, 3, 4, 32, 80, 96, 256, 128, {56, 13}, DType::kBF16},
        Expected{"tiny-en", 81, 64, 2, 4, 32, 48, 56, 200, 0, {70, 13}, DType::kF32},
        Expected{"small", 189, 176, 6, 4, 64, 160, 160, 1024, 128, {56, 13}, DType::kBF16}}) {
    SCOPED_TRACE(e.name);
    const auto checkpoint = read_nemo(testing::golden_model_path(e.name));
    const auto& config = checkpoint->config();
    EXPECT_EQ(checkpoint->tensors().size(), e.tensors);
    EXPECT_EQ(config.encoder.d_model, e.d_model);
    EXPECT_EQ(config.encoder.layers, e.layers);
    EXPECT_EQ(config.encoder.heads, e.heads);
    EXPECT_EQ(config.encoder.subsampling_channels, e.channels);
    EXPECT_EQ(config.encoder.conv_kernel, 9);
    EXPECT_EQ(config.encoder.att_contexts.size(), std::string(e.name) == "tiny-en" ? 4u : 5u);
    EXPECT_EQ(config.encoder.att_contexts.at(0), e.first);
    EXPECT_FALSE(config.encoder.use_bias);
    EXPECT_FALSE(config.encoder.scale_input);
    EXPECT_EQ(config.features.window, 400);
    EXPECT_EQ(config.features.hop, 160);
    EXPECT_EQ(config.features.fft, 512);
    EXPECT_EQ(config.features.mels, 128);
    EXPECT_EQ(config.predictor.hidden, e.predictor);
    EXPECT_EQ(config.predictor.layers, 2);
    EXPECT_EQ(config.predictor.vocabulary, e.vocabulary);
    EXPECT_EQ(config.joint.hidden, e.joint);
    EXPECT_EQ(config.joint.outputs, e.vocabulary + 1);
    EXPECT_EQ(config.prompt.num_prompts, e.prompts);
    EXPECT_EQ(config.prompt.hidden, e.prompts > 0 ? 2 * e.d_model : 0);
    EXPECT_EQ(config.decoding.max_symbols, 10);
    EXPECT_EQ(checkpoint->artifacts().size(), 3u);
    EXPECT_GT(checkpoint->tokenizer_model().size(), 200'000u);
    EXPECT_EQ(checkpoint->tensor("joint.enc.weight").dtype, e.dtype);
    EXPECT_EQ(checkpoint->tensor("preprocessor.featurizer.fb").dtype, DType::kF32);
    EXPECT_EQ(checkpoint->find("no.such.tensor"), nullptr);
  }
}

// Oracle: the symmetric Hann window of torch.hann_window(400, periodic=False), in double.
TEST(NemoReader, ValuesArriveInOrder) {
  const auto window =
      read_nemo(testing::golden_model_path("tiny"))->tensor("preprocessor.featurizer.window").to_f32();
  ASSERT_EQ(window.size(), 400u);
  for (int i = 0; i < 400; ++i)
    EXPECT_NEAR(window[static_cast<std::size_t>(i)], 0.5 - 0.5 * std::cos(2 * M_PI * i / 399), 1e-6);
}

// Oracle: the same weights before they were rounded to half precision; relative error at most half a unit.
TEST(NemoReader, HalfPrecisionIsTheSameModel) {
  const auto full = read_nemo(testing::golden_model_path("tiny"));
  for (const auto& [name, bits] : {std::pair{"tiny-fp16", 11}, std::pair{"tiny-bf16-gz", 8}}) {
    const auto half = read_nemo(testing::golden_model_path(name));
    for (const TensorView& tensor : full->tensors()) {
      const auto a = tensor.to_f32();
      const auto b = half->tensor(tensor.name).to_f32();
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_NEAR(a[i], b[i], std::ldexp(std::abs(a[i]), -bits) + 0x1p-25) << tensor.name;
      }
    }
  }
}

TEST(NemoReader, TensorsPointIntoTheArchive) {
  const std::string archive = archive_of(tiny_parts());
  const auto checkpoint = read_nemo_bytes(bytes_of(archive), nullptr, "x.nemo");
  const auto* begin = reinterpret_cast<const std::byte*>(archive.data());
  for (const TensorView& tensor : checkpoint->tensors()) {
    EXPECT_GE(tensor.bytes.data(), begin);
    EXPECT_LE(tensor.bytes.data() + tensor.bytes.size(), begin + archive.size());
  }
}

TEST(NemoReader, FindsTheTokenizer) {
  Parts parts = tiny_parts();
  const std::string other_name = "0123_tokenizer.model";
  const auto with_other = [&] {
    return TarBuilder()
        .member("model_config.yaml", parts.config)
        .member(other_name, "other")
        .member(parts.tokenizer_name, parts.tokenizer)
        .member("model_weights.ckpt", parts.weights)
        .finish();
  };
  const auto found = [](const std::string& archive) {
    return text_of(read_nemo_bytes(bytes_of(archive), nullptr, "x.nemo")->tokenizer_model());
  };
  EXPECT_EQ(found(with_other()), parts.tokenizer);  // by reference
  parts.config = replaced(parts.config, "nemo:" + parts.tokenizer_name, "/somewhere/else/tokenizer.model");
  EXPECT_EQ(found(archive_of(parts)), parts.tokenizer);  // the only one
  EXPECT_THAT(nemo_error(with_other()), HasSubstr("could be meant"));
  parts.tokenizer_name = "renamed.bin";
  EXPECT_THAT(nemo_error(archive_of(parts)), HasSubstr("no SentencePiece model"));
}

TEST(NemoReader, NamesTheFirstWrongTensor) {
  Parts parts = tiny_parts();
  const auto with = [&](const std::string& from, const std::string& to) {
    Parts changed = parts;
    changed.config = replaced(changed.config, from, to);
    return nemo_error(archive_of(changed));
  };
  EXPECT_THAT(with("conv_kernel_size: 9", "conv_kernel_size: 7"),
              HasSubstr("encoder.layers.0.conv.depthwise_conv.weight is [64,1,9], expected [64,1,7]"));
  EXPECT_THAT(with("n_layers: 3", "n_layers: 4"),
              HasSubstr("encoder.layers.3.norm_feed_forward1.weight is missing"));
  EXPECT_THAT(with("n_layers: 3", "n_layers: 2"),
              AllOf(HasSubstr("encoder.layers.2."), HasSubstr("does not belong")));
  EXPECT_THAT(with("initialize_prompt_feature: true", "initialize_prompt_feature: false"),
              HasSubstr("prompt_kernel.0.bias"));
}

TEST(NemoReader, RefusesIncompleteArchives) {
  EXPECT_THAT(nemo_error(TarBuilder().member("readme", "hello").finish()), HasSubstr("no model_config.yaml"));
  EXPECT_THAT(nemo_error(TarBuilder().member("model_config.yaml", tiny_parts().config).finish()),
              HasSubstr("no model_weights.ckpt"));
  Parts parts = tiny_parts();
  parts.weights = "\x80\x02\x8a\x0a";  // how torch.save began before PyTorch 1.6
  EXPECT_THAT(nemo_error(archive_of(parts)), HasSubstr("torch.save writes since PyTorch 1.6"));
  EXPECT_THAT(nemo_error(""), HasSubstr("truncated"));
  EXPECT_THROW(read_nemo("/no/such/file.nemo"), Error);
}

TEST(NemoReader, EveryTruncationIsAnError) {
  const MappedFile file(testing::golden_model_path("tiny"));
  const std::string archive = text_of(file.bytes());
  const std::size_t end = archive.find_last_not_of('\0');  // behind it: the end-of-archive blocks
  for (std::size_t length = 0; length < end; length += 9973)
    EXPECT_NE(nemo_error(archive.substr(0, length)), "no error") << length;
  EXPECT_NE(nemo_error(archive.substr(0, end)), "no error");

  const MappedFile packed(testing::golden_model_path("tiny-bf16-gz"));
  const std::string gzipped = text_of(packed.bytes());
  for (std::size_t length = 0; length < gzipped.size(); length += 49'999)
    EXPECT_NE(nemo_error(gzipped.substr(0, length)), "no error") << length;
}

TEST(NemoReader, TruncatedWeightsAreAnError) {
  Parts parts = tiny_parts();
  const std::string weights = parts.weights;
  for (std::size_t length = 0; length < weights.size();
       length += length < weights.size() - 20'000 ? 99'991 : 997) {
    parts.weights = weights.substr(0, length);
    EXPECT_NE(nemo_error(archive_of(parts)), "no error") << length;
  }
}

// One bit of joint.enc.weight is another one. Oracle: the checksums of the zip, by zlib.
TEST(NemoReader, WhoeverReadsATensorNoticesItsDamage) {
  Parts parts = tiny_parts();
  const std::string name = "joint.enc.weight";
  const std::string good = archive_of(parts);
  const auto undamaged = read_nemo_bytes(bytes_of(good), nullptr, "good.nemo");
  const std::string values = text_of(undamaged->tensor(name).bytes);
  const std::size_t at = parts.weights.find(values) + values.size() / 2;
  ASSERT_LT(at, parts.weights.size());
  parts.weights[at] = static_cast<char>(parts.weights[at] ^ 4);

  const std::string archive = archive_of(parts);
  const auto checkpoint = read_nemo_bytes(bytes_of(archive), nullptr, "x.nemo");
  std::string record;
  std::string expected;
  for (const ZipEntry& entry : read_zip(bytes_of(parts.weights), "x")) {
    if (crc_matches(entry)) continue;
    record = entry.name;
    expected = fmt::format("x.nemo: record {} is damaged: its CRC-32 is {:08x} (expected {:08x})", record,
                           crc32_of(entry.bytes), entry.crc32);
  }
  ASSERT_NE(record, "");
  const testing::TemporaryFolder folder;
  EXPECT_EQ(message_of([&] { checkpoint->tensor(name).check(); }), expected);
  EXPECT_EQ(message_of([&] { checkpoint->tensor(name).to_f32(); }), expected);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    std::vector<std::vector<std::byte>> storage;
    EXPECT_EQ(message_of([&] { write_nemo(folder / "out.nemo", contents_of(*checkpoint, dtype, storage)); }),
              expected);
    EXPECT_EQ(message_of([&] { write_gguf(folder / "out.gguf", *checkpoint, dtype); }), expected);
  }
  EXPECT_EQ(folder.files(), 0u);
  EXPECT_EQ(message_of([&] {
              for (const TensorView& tensor : undamaged->tensors()) tensor.check();
            }),
            "no error");
}

// Damage to numbers of a tensor cannot be noticed without reading all of them; to anything else it must be.
TEST(NemoReader, FlippedBytesNeverCrash) {
  Parts parts = tiny_parts();
  const std::string weights = parts.weights;
  std::uint32_t random = 1;
  int refused = 0;
  const auto flip = [&](std::size_t at) {
    parts.weights = weights;
    random = random * 1664525 + 1013904223;
    parts.weights[at] = static_cast<char>(parts.weights[at] ^ (1 + (random >> 24) % 255));
    const std::string message = nemo_error(archive_of(parts));
    refused += message != "no error";
    return message;
  };
  const std::size_t pickle_size = 19'735;  // of data.pkl, which has a CRC
  for (std::size_t at = 64; at < pickle_size; at += 293) EXPECT_THAT(flip(at), HasSubstr("damaged")) << at;
  for (std::size_t at = weights.size() - 8'000; at < weights.size(); at += 97) flip(at);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace glossa::checkpoint
