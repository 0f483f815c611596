#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/locale_tiers.h"
#include "cli/model_report.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/stdin_audio.h"

namespace glossa::cli {
namespace {

TEST(Npy, HeaderIsAlignedAndLiteral) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{7}, std::int64_t{1} << 62}) {
    const std::string header = npy_header(rows, 1024);
    EXPECT_EQ(header.size(), 128u);
    EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
    EXPECT_EQ(header[8], 118);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_THAT(header, ::testing::HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                                             std::to_string(rows) + ", 1024), }"));
  }
}

TEST(LocaleTiers, AsTheModelCardSays) {
  EXPECT_EQ(locale_tier("en-US"), "transcription-ready");
  EXPECT_EQ(locale_tier("pl-PL"), "broad-coverage");
  EXPECT_EQ(locale_tier("el-GR"), "adaptation-ready");
  EXPECT_EQ(locale_tier("zh-TW"), "");
  EXPECT_EQ(locale_tier("auto"), "");
}

TEST(Ranges, JoinNeighbours) {
  EXPECT_EQ(ranges({}), "");
  EXPECT_EQ(ranges({5}), "5");
  EXPECT_EQ(ranges({1, 2, 3, 7, 9, 10}), "1-3, 7, 9-10");
}

TEST(ClockTime, MinutesAndHours) {
  EXPECT_EQ(clock_time(0), "0:00");
  EXPECT_EQ(clock_time(59.6), "1:00");
  EXPECT_EQ(clock_time(3725), "1:02:05");
  EXPECT_EQ(clock_time(-3), "0:00");
}

TEST(PcmFormats, ByName) {
  EXPECT_EQ(parse_pcm_format("s16le"), PcmFormat::kS16Le);
  EXPECT_EQ(parse_pcm_format("f32le"), PcmFormat::kF32Le);
  EXPECT_THROW(parse_pcm_format("mp3"), Error);
}

TEST(Kernels, EveryCellIsFilled) {
  const auto kernels = chosen_kernels();
  EXPECT_FALSE(kernels.empty());
  for (const auto& [operation, chosen] : kernels) EXPECT_FALSE(operation.empty() || chosen.empty());
}

}  // namespace
}  // namespace glossa::cli
