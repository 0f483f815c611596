#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "checkpoint/checkpoint.h"
#include "glossa/error.hpp"
#include "support/files.h"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

void expect_equal(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.config_yaml(), b.config_yaml());
  EXPECT_TRUE(same_bytes(a.tokenizer_model(), b.tokenizer_model()));
  ASSERT_EQ(a.artifacts().size(), b.artifacts().size());
  for (std::size_t index = 0; index < a.artifacts().size(); ++index) {
    EXPECT_EQ(a.artifacts()[index].name, b.artifacts()[index].name);
    EXPECT_TRUE(same_bytes(a.artifacts()[index].bytes, b.artifacts()[index].bytes));
  }
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const TensorView& tensor : a.tensors()) {
    const TensorView& other = b.tensor(tensor.name);
    EXPECT_EQ(tensor.dtype, other.dtype) << tensor.name;
    EXPECT_EQ(tensor.shape, other.shape) << tensor.name;
    EXPECT_TRUE(same_bytes(tensor.bytes, other.bytes)) << tensor.name;
  }
}

DType model_dtype(const Checkpoint& checkpoint) { return checkpoint.tensor("joint.enc.weight").dtype; }

class EveryModel : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, EveryModel,
                         ::testing::Values("tiny", "tiny-fp16", "tiny-bf16-gz", "tiny-en", "small"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Oracle: the file itself, read back by us and by Python's tarfile, zipfile and pickle.
TEST_P(EveryModel, RoundTripIsBitEqual) {
  const TemporaryFolder folder;
  const auto path = folder / "copy.nemo";
  const auto original = read_nemo(testing::golden_model_path(GetParam()));
  std::vector<std::vector<std::byte>> storage;
  write_nemo(path, contents_of(*original, model_dtype(*original), storage));
  EXPECT_TRUE(storage.empty());  // nothing was copied on the way
  EXPECT_EQ(folder.files(), 1u);
  expect_equal(*original, *read_nemo(path));
  const std::string command = std::string(GLOSSA_PYTHON " " GLOSSA_CHECK_NEMO " ") +
                              testing::golden_model_path(GetParam()).string() + " " + path.string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(NemoWriter, TheSameModelGivesTheSameFile) {
  const TemporaryFolder folder;
  const auto tiny = read_nemo(testing::golden_model_path("tiny"));
  std::vector<std::vector<std::byte>> storage;
  write_nemo(folder / "a.nemo", contents_of(*tiny, DType::kF32, storage));
  const auto a = read_nemo(folder / "a.nemo");
  write_nemo(folder / "b.nemo", contents_of(*a, DType::kF32, storage));
  const std::string command = "cmp " + (folder / "a.nemo").string() + " " + (folder / "b.nemo").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
  // Overwriting the file that is mapped replaces its name, not its bytes.
  write_nemo(folder / "a.nemo", contents_of(*a, DType::kF16, storage));
  EXPECT_TRUE(same_bytes(a->tensor("joint.enc.weight").bytes, tiny->tensor("joint.enc.weight").bytes));
}

// Oracle: tiny-fp16.nemo and tiny-bf16-gz.nemo are tiny.nemo rounded by PyTorch.
TEST(ContentsOf, RoundsAsPyTorch) {
  const auto tiny = read_nemo(testing::golden_model_path("tiny"));
  for (const auto& [name, dtype] :
       {std::pair{"tiny-fp16", DType::kF16}, std::pair{"tiny-bf16-gz", DType::kBF16}}) {
    const TemporaryFolder folder;
    const auto expected = read_nemo(testing::golden_model_path(name));
    std::vector<std::vector<std::byte>> storage;
    const NemoContents contents = contents_of(*tiny, dtype, storage);
    ASSERT_EQ(contents.tensors.size(), expected->tensors().size());
    for (const TensorView& tensor : contents.tensors) {
      EXPECT_EQ(tensor.dtype, expected->tensor(tensor.name).dtype) << tensor.name;
      EXPECT_TRUE(same_bytes(tensor.bytes, expected->tensor(tensor.name).bytes)) << tensor.name;
    }
  }
}

TEST(ContentsOf, WidensHalfToFloat) {
  const auto half = read_nemo(testing::golden_model_path("tiny-bf16-gz"));
  std::vector<std::vector<std::byte>> storage;
  const NemoContents contents = contents_of(*half, DType::kF32, storage);
  for (const TensorView& tensor : contents.tensors) {
    EXPECT_EQ(tensor.dtype, DType::kF32);
    EXPECT_EQ(tensor.to_f32(), half->tensor(tensor.name).to_f32()) << tensor.name;
  }
}

// One tensor of one element, standing in for a checkpoint.
class OneTensor : public Checkpoint {
 public:
  explicit OneTensor(float value) : value_(value) {}
  const std::string& source() const override { return name_; }
  const model::ModelConfig& config() const override { return config_; }
  const std::string& config_yaml() const override { return name_; }
  std::span<const std::byte> tokenizer_model() const override { return {}; }
  std::span<const Artifact> artifacts() const override { return {}; }
  std::span<const TensorView> tensors() const override { return {&view_, 1}; }
  const TensorView* find(std::string_view) const override { return nullptr; }
  std::string fingerprint() const override { return {}; }
  void release_pages() const override {}

 private:
  float value_;
  std::string name_ = "x.nemo";
  model::ModelConfig config_;
  TensorView view_{"w", DType::kF32, {1}, std::as_bytes(std::span(&value_, 1))};
};

TEST(ContentsOf, RefusesValuesThatDoNotFit) {
  std::vector<std::vector<std::byte>> storage;
  contents_of(OneTensor(65519.0f), DType::kF16, storage);
  contents_of(OneTensor(1e30f), DType::kBF16, storage);
  EXPECT_THAT(testing::message_of([&] { contents_of(OneTensor(70000.0f), DType::kF16, storage); },
                                  ErrorCode::kInvalidArgument),
              HasSubstr("w has the value 70000, which is too large for f16"));
  EXPECT_THROW(OneTensor(1).tensor("missing"), Error);
}

TEST(NemoWriter, RefusesWhatWouldNotRead) {
  const TemporaryFolder folder;
  const float value = 1;
  const auto bytes = std::as_bytes(std::span(&value, 1));
  const TensorView good{"w", DType::kF32, {1}, bytes};
  const TensorView wrong{"w", DType::kF32, {2}, bytes};
  EXPECT_THROW(write_nemo(folder / "a.nemo", {"", {}, {wrong}}), Error);
  EXPECT_THROW(write_nemo(folder / "a.nemo", {"", {}, {good, good}}), Error);
  for (const char* name : {"", "..", "a/b", "model_config.yaml", "model_weights.ckpt"}) {
    EXPECT_THROW(write_nemo(folder / "a.nemo", {"", {{name, bytes}}, {good}}), Error) << name;
  }
  EXPECT_EQ(folder.files(), 0u);
}

}  // namespace
}  // namespace glossa::checkpoint
