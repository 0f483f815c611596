#include "checkpoint/torch_zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/tar_builder.h"
#include "base/zip_builder.h"
#include "checkpoint/pickled_text.h"
#include "glossa/error.hpp"
#include "support/little_endian.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using testing::build_zip;
using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::little_endian;
using testing::pickled_text;
using testing::ZipMember;

// One tensor [rows, columns] in a storage "0" of six elements.
struct TorchZipCase {
  std::string type = "FloatStorage";
  std::vector<int> shape = {2, 3};
  std::vector<int> stride = {3, 1};
  int offset = 0;
  int elements = 6;
  std::string bytes;
  std::string prefix = "model_weights/";
  std::string name = "w";
  std::vector<ZipMember> more;
  std::uint32_t crc32 = 0;  // of the storage
};

std::string floats(int count) {
  std::string bytes;
  for (int value = 0; value < count; ++value) {
    const auto number = static_cast<float>(value);
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  return bytes;
}

std::string small_numbers(const std::vector<int>& values) {
  std::string code = "(";
  for (const int value : values) code += "M" + little_endian(static_cast<std::uint64_t>(value), 2);
  return code + "t";
}

std::string zip_of(const TorchZipCase& c) {
  const std::string pickle = "\x80\x02}" + pickled_text(c.name) + "ctorch._utils\n_rebuild_tensor_v2\n((" +
                             pickled_text("storage") + "ctorch\n" + c.type + "\n" + pickled_text("0") +
                             pickled_text("cpu") + "M" +
                             little_endian(static_cast<std::uint64_t>(c.elements), 2) + "tQM" +
                             little_endian(static_cast<std::uint64_t>(c.offset), 2) + small_numbers(c.shape) +
                             small_numbers(c.stride) +
                             "\x89"
                             "ccollections\nOrderedDict\n)RtRs.";
  const auto crc = static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(pickle.data()), static_cast<uInt>(pickle.size())));
  std::vector<ZipMember> members{{.name = c.prefix + "data.pkl", .data = pickle, .crc32 = crc},
                                 {c.prefix + "data/0", c.bytes.empty() ? floats(6) : c.bytes, c.crc32}};
  members.insert(members.end(), c.more.begin(), c.more.end());
  return build_zip(members);
}

const std::vector<model::TensorSpec> kSpecs{{"w", {2, 3}, false, false},
                                            {"preprocessor.optional", {1}, true, false}};

struct Result {
  std::vector<TensorView> tensors;
  std::vector<std::vector<std::byte>> storage;
};

Result read_torch_zip_of(const std::string& zip, const std::vector<model::TensorSpec>& specs = kSpecs) {
  Result result;
  result.tensors = read_torch_zip(bytes_of(zip), specs, "x.nemo", result.storage);
  return result;
}

std::string torch_zip_error(const TorchZipCase& c, const std::vector<model::TensorSpec>& specs = kSpecs) {
  return testing::message_of([&] { read_torch_zip_of(zip_of(c), specs); }, ErrorCode::kBadInput, "x.nemo");
}

TEST(TorchZip, ContiguousTensorsAreViews) {
  for (const char* prefix : {"model_weights/", "archive/", ""}) {
    const std::string zip =
        zip_of({.prefix = prefix, .more = {{std::string(prefix) + "byteorder", "little"}}});
    const Result result = read_torch_zip_of(zip);
    ASSERT_EQ(result.tensors.size(), 1u);
    EXPECT_TRUE(result.storage.empty());
    EXPECT_THAT(result.tensors[0].to_f32(), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_EQ(result.tensors[0].dtype, DType::kF32);
  }
}

// Oracle: torch.arange(6).reshape(3, 2).t() and torch.arange(6)[2:] ..., worked out by hand.
TEST(TorchZip, OtherStridesAreGathered) {
  EXPECT_THAT(read_torch_zip_of(zip_of({.stride = {1, 2}})).tensors[0].to_f32(),
              ElementsAre(0, 2, 4, 1, 3, 5));
  EXPECT_THAT(read_torch_zip_of(zip_of({.stride = {1, 1}, .offset = 2})).tensors[0].to_f32(),
              ElementsAre(2, 3, 4, 3, 4, 5));
  EXPECT_THAT(read_torch_zip_of(zip_of({.stride = {0, 1}})).tensors[0].to_f32(),
              ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(TorchZip, HalfPrecision) {
  const std::string bits =
      little_endian(0x3c00, 2) + little_endian(0xc000, 2) + little_endian(0x0001, 2) + std::string(6, '\0');
  EXPECT_THAT(read_torch_zip_of(zip_of({.type = "HalfStorage", .bytes = bits})).tensors[0].to_f32(),
              ElementsAre(1, -2, 0x1p-24f, 0, 0, 0));
  EXPECT_THAT(read_torch_zip_of(zip_of({.type = "BFloat16Storage", .bytes = bits})).tensors[0].to_f32()[1],
              -2);
}

// 0 is what writers put that leave checksums out.
TEST(TorchZip, AChecksumIsComparedWhereThereIsOne) {
  const std::string unknown = zip_of({.crc32 = 0});
  EXPECT_NO_THROW(read_torch_zip_of(unknown).tensors[0].to_f32());
  const std::string wrong = zip_of({.crc32 = 1});
  EXPECT_THROW(read_torch_zip_of(wrong).tensors[0].to_f32(), Error);
}

// A file of 30 bytes of numbers must not claim memory for millions.
TEST(TorchZip, ExpandedTensorsAreRefused) {
  const std::vector<model::TensorSpec> specs{{"w", {60'000, 60'000}, false, false}};
  EXPECT_THAT(torch_zip_error({.shape = {60'000, 60'000}, .stride = {0, 0}}, specs),
              HasSubstr("more than its storage"));
}

// Nor may many tensors that are one: each is read, widened and packed. Tied weights, two of them, are usual.
TEST(TorchZip, ManyTensorsInOneStorageAreRefused) {
  const auto sharing = [](int tensors) {
    std::string pickle = "\x80\x02}";
    std::vector<model::TensorSpec> specs;
    for (int index = 0; index < tensors; ++index) {
      specs.push_back({"w" + std::to_string(index), {60'000}, false, false});
      pickle += pickled_text(specs.back().name) + "ctorch._utils\n_rebuild_tensor_v2\n((" +
                pickled_text("storage") + "ctorch\nFloatStorage\n" + pickled_text("0") + pickled_text("cpu") +
                "M" + little_endian(60'000, 2) + "tQK" + std::string(1, '\0') + small_numbers({60'000}) +
                small_numbers({1}) +
                "\x89"
                "ccollections\nOrderedDict\n)RtRs";
    }
    const std::string zip =
        build_zip({{"m/data.pkl", pickle + "."}, {"m/data/0", std::string(240'000, '\0')}});
    return testing::message_of([&] { read_torch_zip_of(zip, specs); });
  };
  EXPECT_EQ(sharing(2), "no error");
  EXPECT_THAT(sharing(3), HasSubstr("x.nemo: the tensors up to w2 have 720000 bytes, more than twice"));
}

TEST(TorchZip, RefusesWhatDoesNotFit) {
  EXPECT_THAT(torch_zip_error({.shape = {3, 2}, .stride = {2, 1}}), HasSubstr("w is [3,2], expected [2,3]"));
  EXPECT_THAT(torch_zip_error({.name = "v"}), HasSubstr("tensor w is missing (expected [2,3])"));
  EXPECT_THAT(torch_zip_error({.name = "v"}, {}), HasSubstr("tensor v of shape [2,3] does not belong"));
  EXPECT_EQ(torch_zip_error({.type = "LongStorage", .name = "loss.v"}, {}),
            "no error");  // ignored, whatever it is
  EXPECT_THAT(torch_zip_error({.type = "LongStorage"}), HasSubstr("LongStorage"));
  EXPECT_THAT(torch_zip_error({.bytes = floats(5)}),
              HasSubstr("has 20 bytes (expected 6 elements of 4 bytes)"));
  EXPECT_THAT(torch_zip_error({.type = "HalfStorage"}), HasSubstr("has 24 bytes"));
  EXPECT_THAT(torch_zip_error({.more = {{"model_weights/byteorder", "big"}}}), HasSubstr("little-endian"));
  EXPECT_THAT(torch_zip_error({.more = {{"other/data.pkl", "x"}}}), HasSubstr("more than one data.pkl"));
}

}  // namespace
}  // namespace glossa::checkpoint
