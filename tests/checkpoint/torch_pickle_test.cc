#include "checkpoint/torch_pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/tar_builder.h"
#include "base/zip_builder.h"
#include "checkpoint/pickled_text.h"
#include "glossa/error.hpp"
#include "support/little_endian.h"
#include "support/message_of.h"

namespace glossa::checkpoint {
namespace {

using testing::bytes_of;
using ::testing::HasSubstr;
using testing::little_endian;
using testing::pickled_text;

// Pickles assembled from opcodes; the oracle is the description of the opcodes in Python's pickletools.
const std::string kStart = "\x80\x02";
const std::string kOrderedDict = "ccollections\nOrderedDict\n)R";
const std::string kRebuild = "ctorch._utils\n_rebuild_tensor_v2\n";

std::string number(std::int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8);
}

std::string numbers(const std::vector<std::int64_t>& values) {
  std::string code = "(";
  for (const std::int64_t value : values) code += number(value);
  return code + "t";
}

std::string storage(const std::string& type, const std::string& key, std::int64_t elements) {
  return "(" + pickled_text("storage") + "ctorch\n" + type + "\n" + pickled_text(key) + pickled_text("cpu") +
         number(elements) + "tQ";
}

std::string tensor(const std::string& from, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& stride) {
  return kRebuild + "(" + from + number(offset) + numbers(shape) + numbers(stride) + "\x89" + kOrderedDict +
         "tR";
}

std::vector<PickledTensor> read_pickle(const std::string& pickle) {
  return read_state_dict(bytes_of(pickle), "x.ckpt");
}

std::string pickle_error(const std::string& pickle) {
  return testing::message_of([&] { read_pickle(pickle); }, ErrorCode::kBadInput, "x.ckpt");
}

const std::string kFloats = storage("FloatStorage", "0", 6);

TEST(TorchPickle, OrderedDictDictAndBuild) {
  const std::string item = pickled_text("w") + tensor(kFloats, 0, {2, 3}, {3, 1});
  const std::string metadata = "}" + pickled_text("_metadata") + kOrderedDict + pickled_text("") + "}" +
                               pickled_text("version") + "K\x01" + "ss" + "s" + "b";
  for (const std::string& pickle : {kStart + kOrderedDict + "(" + item + "u.", kStart + "}" + item + "s.",
                                    kStart + kOrderedDict + "(" + item + "u" + metadata + "."}) {
    const auto tensors = read_pickle(pickle);
    ASSERT_EQ(tensors.size(), 1u);
    EXPECT_EQ(tensors[0].name, "w");
    EXPECT_EQ(tensors[0].storage_type, "FloatStorage");
    EXPECT_EQ(tensors[0].storage_key, "0");
    EXPECT_EQ(tensors[0].storage_elements, 6);
    EXPECT_EQ(tensors[0].shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_TRUE(tensors[0].is_contiguous());
  }
}

TEST(TorchPickle, SharedStoragesStridesAndParameters) {
  const std::string parameter =
      "ctorch._utils\n_rebuild_parameter\n(" + tensor("h\x07", 4, {2}, {1}) + "\x88" + kOrderedDict + "tR";
  const auto tensors =
      read_pickle(kStart + "}(" + pickled_text("a") + tensor(kFloats + "q\x07", 0, {3, 2}, {1, 3}) +
                  pickled_text("b") + parameter + pickled_text("c") + tensor("h\x07", 5, {}, {}) +
                  pickled_text("d") + tensor("h\x07", 0, {1, 6, 1}, {99, 1, 77}) + pickled_text("e") +
                  tensor("h\x07", 2, {0, 9}, {9, 1}) + "u.");
  ASSERT_EQ(tensors.size(), 5u);
  EXPECT_FALSE(tensors[0].is_contiguous());
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].offset, 4);
  EXPECT_TRUE(tensors[2].shape.empty());
  EXPECT_TRUE(tensors[3].is_contiguous());  // strides of single elements do not matter
  EXPECT_TRUE(tensors[4].is_contiguous());
}

TEST(TorchPickle, IntegersOfEverySize) {
  for (const auto& [code, value] : std::vector<std::pair<std::string, std::int64_t>>{
           {"K\xff", 255},
           {"M\xff\xff", 65535},
           {"J\xff\xff\xff\x7f", 2147483647},
           {std::string("\x8a\0", 2), 0},
           {std::string("\x8a\x05\0\0\0\0\x01", 7), 4294967296}}) {
    const std::string from = "(" + pickled_text("storage") + "ctorch\nHalfStorage\n" + pickled_text("k") +
                             pickled_text("cpu") + code + "tQ";
    const auto tensors = read_pickle(kStart + "}" + pickled_text("w") + tensor(from, 0, {0}, {1}) + "s.");
    ASSERT_EQ(tensors.size(), 1u);
    EXPECT_EQ(tensors[0].storage_elements, value);
    EXPECT_EQ(tensors[0].storage_type, "HalfStorage");
  }
}

TEST(TorchPickle, RefusesForeignObjectsByName) {
  EXPECT_THAT(pickle_error(kStart + "cos\nsystem\n(" + pickled_text("true") + "tR."), HasSubstr("os.system"));
  EXPECT_THAT(pickle_error(kStart + "cbuiltins\neval\n" + pickled_text("1") + "\x85R."),
              HasSubstr("builtins.eval"));
  EXPECT_THAT(pickle_error(kStart + "ctorch\nload\n)R."), HasSubstr("torch.load"));
  EXPECT_THAT(pickle_error(kStart + "ctorch\nQInt8Storage\n."), HasSubstr("torch.QInt8Storage"));
  EXPECT_THAT(pickle_error(kStart + "ios\nsystem\n."), HasSubstr("opcode 0x69"));  // INST
  EXPECT_THAT(pickle_error(kStart + "}\x81."), HasSubstr("opcode 0x81"));          // NEWOBJ
  EXPECT_THAT(pickle_error("\x80\x04."), HasSubstr("protocol 4"));
}

TEST(TorchPickle, RefusesAbsurdTensors) {
  const auto with = [](std::int64_t offset, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& stride) {
    return pickle_error(kStart + "}" + pickled_text("w") + tensor(kFloats, offset, shape, stride) + "s.");
  };
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(with(0, {6}, {1}), "no error");
  EXPECT_THAT(with(1, {6}, {1}), HasSubstr("reaches element 6 of a storage of 6"));
  EXPECT_THAT(with(6, {}, {}), HasSubstr("reaches element 6"));
  EXPECT_THAT(with(kMost, {2}, {1}), HasSubstr("beyond its storage"));
  EXPECT_THAT(with(0, {kMost}, {kMost}), HasSubstr("beyond its storage"));
  EXPECT_THAT(with(0, {1 << 30, 1 << 30, 1 << 30}, {1 << 30, 1 << 30, 1}), HasSubstr("beyond its storage"));
  EXPECT_THAT(with(-1, {6}, {1}), HasSubstr("-1"));
  EXPECT_THAT(with(0, {-6}, {1}), HasSubstr("-6"));
  EXPECT_THAT(with(0, {6}, {-1}), HasSubstr("-1"));
  EXPECT_THAT(with(0, {2, 3}, {1}), HasSubstr("2 dimensions but 1 strides"));
  EXPECT_THAT(with(0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1)),
              HasSubstr("17 dimensions"));
}

TEST(TorchPickle, RefusesMalformedPrograms) {
  const std::string item = pickled_text("w") + tensor(kFloats, 0, {6}, {1});
  for (const std::string& body :
       std::vector<std::string>{std::string(""),    // truncated
                                std::string("."),   // nothing to return
                                std::string("t."),  // no mark
                                std::string("R."),
                                std::string("s."),
                                std::string("b."),
                                std::string("u."),
                                std::string("(u."),
                                std::string("Q."),
                                std::string("q\x01."),  // nothing to remember
                                std::string("h\x01."),  // never remembered
                                std::string("}("),      // a mark is left over
                                std::string("}}."),     // an object is left over
                                std::string("}(."),     // the result lies below a mark
                                std::string("}(}u."),   // a key without value
                                std::string("K\x01("
                                            "K\x02K\x03u."),          // items set on a number
                                std::string("}K\x01}s."),             // a key that is no string
                                "}" + pickled_text("w") + "K\x01s.",  // an entry that is no tensor
                                "}" + item + "s" + item + "s.",       // twice
                                std::string(")Q."),
                                "(" + pickled_text("module") + "NNNNtQ.",
                                "K\x01)R.",
                                std::string("X\xff\xff\xff\xff"
                                            "abc"),  // a string beyond the end
                                std::string("\x8a\x09"
                                            "123456789."),                 // an integer of 72 bits
                                std::string("ccollections\nOrderedDict"),  // a name without end
                                "ccollections\nOrderedDict\n(" + pickled_text("a") + "tR.",
                                kRebuild + ")R.",
                                "ctorch._utils\n_rebuild_parameter\n)R.",
                                "}K\x01"
                                "b.",
                                "K\x01."}) {
    EXPECT_NE(pickle_error(kStart + body), "no error") << body;
  }
}

TEST(TorchPickle, DepthAndSizeAreBounded) {
  EXPECT_THAT(pickle_error(kStart + std::string(3'000'000, '(')), HasSubstr("too deep"));
  EXPECT_THAT(pickle_error(kStart + std::string(3'000'000, 'N')), HasSubstr("too deep"));
  EXPECT_THAT(pickle_error(std::string((16 << 20) + 1, 'N')), HasSubstr("at most"));
  // A byte each: an object, an entry of a dict, or five of the memo.
  EXPECT_THAT(pickle_error(kStart + ")" + std::string(2'000'000, '\x85') + "."),
              HasSubstr("more than 1048576 objects"));
  std::string entries = "}";
  std::string memo = "N";
  for (std::uint64_t index = 0; index <= 1 << 20; ++index) {
    entries += "NNs";
    memo += "r" + little_endian(index, 4);
  }
  EXPECT_THAT(pickle_error(kStart + entries), HasSubstr("more than 1048576 objects"));
  EXPECT_THAT(pickle_error(kStart + memo), HasSubstr("more than 1048576 objects"));
  // A million tuples inside each other, and a dict that contains itself: nothing recurses.
  EXPECT_THAT(pickle_error(kStart + ")" + std::string(1'000'000, '\x85') + "."), HasSubstr("a tuple"));
  EXPECT_THAT(pickle_error(kStart + "}q\x01" + pickled_text("self") + "h\x01s."),
              HasSubstr("'self' is a dict"));
}

TEST(TorchPickle, TruncationsNeverCrash) {
  const std::string pickle =
      kStart + kOrderedDict + "(" + pickled_text("w") + tensor(kFloats, 0, {2, 3}, {3, 1}) + "u.";
  for (std::size_t length = 0; length < pickle.size(); ++length)
    EXPECT_NE(pickle_error(pickle.substr(0, length)), "no error") << length;
  for (std::size_t at = 0; at < pickle.size(); ++at) {
    for (const int flip : {0x01, 0x20, 0xff}) {
      auto damaged = pickle;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      pickle_error(damaged);
    }
  }
}

TEST(TorchPickle, WrittenPicklesReadBack) {
  std::vector<TensorView> views;
  for (int index = 0; index < 300; ++index) {
    const auto dtype = static_cast<DType>(index % 3);
    views.push_back({"layer." + std::to_string(index), dtype, {index, 70'000, 3}, {}});
  }
  views.push_back({"scalar", DType::kF32, {}, {}});
  const auto tensors = read_pickle(write_state_dict(views));
  ASSERT_EQ(tensors.size(), views.size());
  for (std::size_t index = 0; index < views.size(); ++index) {
    EXPECT_EQ(tensors[index].name, views[index].name);
    EXPECT_EQ(tensors[index].shape, views[index].shape);
    EXPECT_EQ(tensors[index].storage_key, std::to_string(index));
    EXPECT_EQ(tensors[index].storage_elements, views[index].elements());
    EXPECT_TRUE(tensors[index].is_contiguous());
  }
  EXPECT_EQ(tensors[1].storage_type, "HalfStorage");
  EXPECT_EQ(tensors[2].storage_type, "BFloat16Storage");
  const std::vector<TensorView> large{{"big", DType::kBF16, {3'000'000'000}, {}}};
  EXPECT_EQ(read_pickle(write_state_dict(large)).at(0).storage_elements, 3'000'000'000);
}

}  // namespace
}  // namespace glossa::checkpoint
