#include "cli/model_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "base/number_formats.h"
#include "cli/option_values.h"

namespace glossa::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kAnyFile = "/proc/self/exe";

RecognizerOptions parsed(const std::string& words) {
  ModelOptions options;
  CLI::App app;
  add_model_options(app, options);
  app.parse(std::string("--model ") + kAnyFile + " " + words);
  return recognizer_options(options);
}

TEST(ModelOptions, Int8AndItsFileAreTheDefault) {
  const RecognizerOptions options = parsed("");
  EXPECT_EQ(options.weights, WeightFormat::kInt8);
  EXPECT_EQ(options.kv_cache, CacheFormat::kAuto);
  EXPECT_TRUE(options.cache_packed_weights);
  EXPECT_TRUE(options.weight_cache_folder.empty());
  EXPECT_EQ(options.backend, "cpu");
  EXPECT_EQ(options.threads, 0);
}

TEST(ModelOptions, FormatsByName) {
  EXPECT_EQ(parsed("--weights f32").weights, WeightFormat::kF32);
  EXPECT_EQ(parsed("--weights bf16").weights, WeightFormat::kBF16);
  EXPECT_EQ(parsed("--weights int4").weights, WeightFormat::kInt4);
  EXPECT_EQ(parsed("--kv-cache f32").kv_cache, CacheFormat::kF32);
  EXPECT_EQ(parsed("--kv-cache bf16").kv_cache, CacheFormat::kBF16);
  EXPECT_EQ(parsed("--kv-cache int8").kv_cache, CacheFormat::kInt8);
  EXPECT_EQ(name_of(WeightFormat::kInt4), "int4");
  EXPECT_EQ(name_of(CacheFormat::kBF16), "bf16");
  for (const char* wrong : {"--weights q8_0", "--weights INT8", "--kv-cache int4", "--kv-cache f16"}) {
    try {
      parsed(wrong);
      FAIL() << wrong;
    } catch (const CLI::ValidationError& error) {
      EXPECT_THAT(error.what(), HasSubstr("expected ")) << wrong;
    }
  }
}

TEST(ModelOptions, WeightCache) {
  EXPECT_FALSE(parsed("--weight-cache off").cache_packed_weights);
  const RecognizerOptions folder = parsed("--weight-cache some/folder");
  EXPECT_TRUE(folder.cache_packed_weights);
  EXPECT_EQ(folder.weight_cache_folder, "some/folder");
}

TEST(ModelOptions, TheReferenceComputesInF32) {
  const RecognizerOptions options = parsed("--backend reference --weights int4");
  EXPECT_EQ(options.weights, WeightFormat::kF32);
  EXPECT_FALSE(options.cache_packed_weights);
}

TEST(OneOf, SaysWhatWasExpected) {
  const ValueCheck check = one_of({"chunk", "live"});
  EXPECT_EQ(check("live"), "");
  EXPECT_EQ(check("lives"), "wrong value (expected chunk, live, got lives)");
}

}  // namespace
}  // namespace glossa::cli
