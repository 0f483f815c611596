// The tokenizer.json that glossa writes, read by Hugging Face's own tokenizers library. Oracle: what
// SentencePiece makes of the same texts, in tests/data/golden.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "checkpoint/transformers_tokenizer.h"
#include "support/files.h"
#include "support/golden.h"

namespace glossa::checkpoint {
namespace {

// Not tok512bytes: the library for JavaScript does not fall back to bytes in a Unigram model.
class HubTokenizers : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, HubTokenizers,
                         ::testing::Values("tok200en", "tok256", "tok400bpe", "tok600bytesbpe", "tok1024"),
                         [](const auto& test) { return test.param; });

TEST_P(HubTokenizers, CutTextsAsSentencePiece) {
  const testing::TemporaryFolder folder;
  const auto path = testing::golden_dir() / "tokenizers" / GetParam() / "tokenizer.model";
  std::ifstream file(path, std::ios::binary);
  const std::string model((std::istreambuf_iterator<char>(file)), {});
  const auto written = write_transformers_tokenizer(std::as_bytes(std::span(model)), true, path.string());
  std::ofstream(folder / "tokenizer.json") << written.tokenizer;
  std::ofstream(folder / "tokenizer_config.json") << written.tokenizer_config;
  const auto cases = testing::golden_dir() / "cases" / "tokenizers" / (std::string(GetParam()) + ".json");
  const std::string command =
      "node " GLOSSA_HUB_TOKENIZERS " " + (folder / "").string() + " " + cases.string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace glossa::checkpoint
