#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/half.h"
#include "checkpoint/archive_writer.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/same_config.h"
#include "checkpoint/same_tensor.h"
#include "features/log_mel.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"
#include "support/tiny_model.h"

namespace glossa::checkpoint {
namespace {

using testing::TemporaryFolder;

constexpr DType kWritten[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_K};

// Rows of 256 and more, so that every format is used; and geometries of which hardly any row divides.
std::vector<testing::TinyModelOptions> gguf_geometries() {
  testing::TinyModelOptions wide;
  wide.seed = 91;
  wide.layers = 1;
  wide.d_model = 256;
  wide.predictor_hidden = 64;
  wide.joint_hidden = 256;
  wide.use_bias = true;
  std::vector<testing::TinyModelOptions> all{wide};
  for (const std::uint32_t seed : {3u, 5u}) all.push_back(testing::random_geometry(seed));
  return all;
}

class EveryFormat : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Gguf, EveryFormat, ::testing::ValuesIn(kWritten),
                         [](const auto& test) { return std::string(dtype_name(test.param)); });

// Oracle: read_gguf.py, which knows the layout and not our code, and the .nemo.
TEST_P(EveryFormat, IsWhatTheScriptExpects) {
  const TemporaryFolder folder;
  for (const auto& options : gguf_geometries()) {
    SCOPED_TRACE(options.seed);
    const auto nemo = testing::write_tiny_model(options, folder / "models");
    const auto gguf = folder / "m.gguf";
    const auto before = read_nemo(nemo);
    const auto written = write_gguf(gguf, *before, GetParam());
    const auto after = read_checkpoint(gguf);
    std::ofstream values(folder / "values", std::ios::binary);
    for (const TensorView& tensor : before->tensors()) {
      const std::vector<float> read = after->tensor(tensor.name).to_f32();
      values.write(reinterpret_cast<const char*>(read.data()), static_cast<std::streamsize>(4 * read.size()));
    }
    values.close();
    const std::string command = std::string(GLOSSA_PYTHON " " GLOSSA_READ_GGUF " ") + nemo.string() + " " +
                                gguf.string() + " " + std::string(dtype_name(GetParam())) + " " +
                                (folder / "values").string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    testing::expect_same_config(after->config(), before->config());
    testing::expect_same_config(parse_model_config(after->config_yaml(), "yaml"), before->config());
    for (const WrittenTensor& tensor : written) {
      EXPECT_EQ(after->tensor(tensor.name).dtype, tensor.dtype) << tensor.name;
      EXPECT_EQ(crc32_of(after->tensor(tensor.name).bytes), tensor.crc32) << tensor.name;
    }
  }
}

TEST(GgufWriter, F32IsBitEqualThereAndBack) {
  const TemporaryFolder folder;
  for (const auto& options : gguf_geometries()) {
    const auto nemo = read_nemo(testing::write_tiny_model(options, folder / "models"));
    write_gguf(folder / "m.gguf", *nemo, DType::kF32);
    const auto gguf = read_gguf(folder / "m.gguf");
    std::vector<std::vector<std::byte>> storage;
    write_nemo(folder / "back.nemo", contents_of(*gguf, DType::kF32, storage));
    EXPECT_TRUE(storage.empty());
    const auto back = read_nemo(folder / "back.nemo");
    for (const TensorView& tensor : nemo->tensors()) {
      EXPECT_TRUE(testing::same_tensor(tensor, gguf->tensor(tensor.name))) << tensor.name;
      EXPECT_TRUE(testing::same_tensor(tensor, back->tensor(tensor.name))) << tensor.name;
    }
    testing::expect_same_config(back->config(), nemo->config());
    const auto a = nemo->tokenizer_model();
    const auto b = back->tokenizer_model();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    EXPECT_EQ(back->artifacts().size(), 3u);
  }
}

// Oracle: the rounding of base/half.h, which half_test.cc compares with the definitions.
TEST(GgufWriter, HalvesAreRoundedToNearest) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::write_tiny_model(gguf_geometries().front(), folder / "models"));
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    write_gguf(folder / "m.gguf", *nemo, dtype);
    const auto gguf = read_gguf(folder / "m.gguf");
    for (const char* name : {"joint.enc.weight", "encoder.layers.0.conv.pointwise_conv1.weight",
                             "decoder.prediction.dec_rnn.lstm.weight_hh_l0"}) {
      const TensorView& read = gguf->tensor(name);
      EXPECT_EQ(read.dtype, dtype) << name;
      const std::vector<float> values = nemo->tensor(name).to_f32();
      const std::vector<float> rounded = read.to_f32();
      for (std::size_t index = 0; index < values.size(); ++index) {
        const float expected = dtype == DType::kF16 ? f16_to_float(float_to_f16(values[index]))
                                                    : bf16_to_float(float_to_bf16(values[index]));
        ASSERT_EQ(rounded[index], expected) << name;
      }
    }
  }
}

// The front end's constants of a real checkpoint are kept, whatever the format: PyTorch's window is not ours
// to the last bit.
TEST(GgufWriter, KeepsTheFrontEnd) {
  const TemporaryFolder folder;
  const auto tiny = read_nemo(testing::golden_model_path("tiny"));
  EXPECT_NE(tiny->tensor("preprocessor.featurizer.window").to_f32(), features::hann_window(400));
  write_gguf(folder / "m.gguf", *tiny, DType::kQ8_0);
  const auto gguf = read_gguf(folder / "m.gguf");
  for (const char* name : {"preprocessor.featurizer.fb", "preprocessor.featurizer.window"})
    EXPECT_TRUE(testing::same_tensor(tiny->tensor(name), gguf->tensor(name))) << name;
}

TEST(GgufWriter, ACheckpointMadeByPyTorchIsBitEqualThereAndBack) {
  const TemporaryFolder folder;
  for (const char* name : {"tiny", "tiny-en"}) {
    const auto nemo = read_nemo(testing::golden_model_path(name));
    write_gguf(folder / "m.gguf", *nemo, DType::kF32);
    std::vector<std::vector<std::byte>> storage;
    write_nemo(folder / "back.nemo", contents_of(*read_gguf(folder / "m.gguf"), DType::kF32, storage));
    const auto back = read_nemo(folder / "back.nemo");
    ASSERT_EQ(back->tensors().size(), nemo->tensors().size());
    for (const TensorView& tensor : nemo->tensors())
      EXPECT_TRUE(testing::same_tensor(tensor, back->tensor(tensor.name))) << tensor.name;
  }
}

TEST(GgufWriter, GgufToGgufChangesOnlyTheFormat) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::write_tiny_model(gguf_geometries().front(), folder / "models"));
  write_gguf(folder / "a.gguf", *nemo, DType::kQ8_0);
  write_gguf(folder / "b.gguf", *read_gguf(folder / "a.gguf"), DType::kF32);
  const auto a = read_gguf(folder / "a.gguf");
  const auto b = read_gguf(folder / "b.gguf");
  EXPECT_EQ(a->config_yaml(), b->config_yaml());
  for (const TensorView& tensor : a->tensors()) EXPECT_EQ(tensor.to_f32(), b->tensor(tensor.name).to_f32());
}

TEST(GgufWriter, LeavesNoHalfFile) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::golden_model_path("tiny"));
  int tensors = 0;
  const TensorDone stop = [&](std::int64_t) {
    if (++tensors == 20) throw std::runtime_error("enough");
  };
  EXPECT_THROW(write_gguf(folder / "m.gguf", *nemo, DType::kF16, stop), std::runtime_error);
  EXPECT_EQ(tensors, 20);
  std::vector<std::vector<std::byte>> storage;
  const auto contents = contents_of(*nemo, DType::kF32, storage);
  tensors = 0;
  EXPECT_THROW(write_nemo(folder / "m.nemo", contents, stop), std::runtime_error);
  EXPECT_EQ(folder.files(), 0u);
}

// What looks at the file before it gets its name sees all of it, and may keep it from replacing another.
TEST(GgufWriter, AFileThatIsRefusedReplacesNothing) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::golden_model_path("tiny"));
  std::vector<std::vector<std::byte>> storage;
  const auto contents = contents_of(*nemo, DType::kBF16, storage);
  for (const char* name : {"m.gguf", "m.nemo"}) {
    std::ofstream(folder / name) << "old";
    std::size_t tensors = 0;
    const FileDone refuse = [&](const std::filesystem::path& file, std::span<const WrittenTensor> written) {
      const auto after = read_checkpoint(file, "new");
      EXPECT_EQ(after->source(), "new");
      tensors = after->tensors().size();
      for (const WrittenTensor& tensor : written) {
        EXPECT_EQ(after->tensor(tensor.name).dtype, tensor.dtype);
        EXPECT_EQ(crc32_of(after->tensor(tensor.name).bytes), tensor.crc32);
      }
      throw std::runtime_error("no");
    };
    if (std::string(name) == "m.gguf") {
      EXPECT_THROW(write_gguf(folder / name, *nemo, DType::kQ8_0, {}, refuse), std::runtime_error);
    } else {
      EXPECT_THROW(write_nemo(folder / name, contents, {}, refuse), std::runtime_error);
    }
    EXPECT_EQ(tensors, nemo->tensors().size());
    EXPECT_EQ(testing::read_bytes(folder / name), "old");
  }
  EXPECT_EQ(folder.files(), 2u);
}

TEST(GgufWriter, RefusesLanguagesThatItsReaderRefuses) {
  const TemporaryFolder folder;
  std::string archive = testing::read_bytes(testing::golden_model_path("tiny"));
  const std::size_t at = archive.find("    el-GR:");
  ASSERT_NE(at, std::string::npos);
  archive.replace(at + 4, 2, "\xce\xb5");  // a Greek letter
  testing::write_bytes(folder / "greek.nemo", archive);
  EXPECT_THAT(testing::message_of(
                  [&] { write_gguf(folder / "m.gguf", *read_nemo(folder / "greek.nemo"), DType::kF32); },
                  ErrorCode::kInvalidArgument),
              ::testing::HasSubstr("greek.nemo: a .gguf cannot hold the prompt language '\xce\xb5-GR'"));
  EXPECT_EQ(folder.files(), 1u);
}

TEST(GgufWriter, RefusesFormatsItOnlyReads) {
  const TemporaryFolder folder;
  const auto nemo = read_nemo(testing::golden_model_path("tiny"));
  for (const DType dtype : {DType::kQ4_0, DType::kQ5_K, DType::kQ6_K})
    EXPECT_THROW(write_gguf(folder / "m.gguf", *nemo, dtype), Error);
  std::vector<std::vector<std::byte>> storage;
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_K})
    EXPECT_THROW(contents_of(*nemo, dtype, storage), Error);
  EXPECT_EQ(folder.files(), 0u);
}

}  // namespace
}  // namespace glossa::checkpoint
