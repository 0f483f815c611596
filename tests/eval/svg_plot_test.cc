#include "eval/svg_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "glossa/error.hpp"

namespace glossa::eval {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// By hand: the smallest of 1, 2, 5 times a power of ten that needs no more than `count` steps.
TEST(NiceTicks, RoundAndEnclosing) {
  EXPECT_THAT(nice_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(-3, 12, 4), ElementsAre(-5, 0, 5, 10, 15));
  EXPECT_THAT(nice_ticks(0.12, 0.13, 2), ElementsAre(DoubleEq(0.12), DoubleEq(0.125), DoubleEq(0.13)));
  EXPECT_THAT(nice_ticks(7, 7, 5), ElementsAre(7));
}

TEST(LogTicks, DecadesAndBetween) {
  EXPECT_THAT(log_ticks(3, 40), ElementsAre(1, 2, 5, 10, 20, 50, 100));
  EXPECT_THAT(log_ticks(1e-5, 1e0),
              ElementsAre(DoubleEq(1e-5), DoubleEq(1e-4), DoubleEq(1e-3), DoubleEq(1e-2), DoubleEq(1e-1), 1));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Svg, DrawsEverySeries) {
  const LinePlot plot{
      .title = "loss <1> & \"more\"",
      .x_label = "step",
      .y_label = "nats",
      .series = {{.name = "train", .x = {0, 1, 2}, .y = {3, 2, 1}},
                 {.name = "dev", .x = {0, 2}, .y = {4, 3}, .low = {3.5, 2.5}, .high = {4.5, 3.5}}}};
  const std::string drawn = svg(plot);
  EXPECT_EQ(count(drawn, "<path "), 2u);
  EXPECT_EQ(count(drawn, "<polygon "), 1u);
  EXPECT_EQ(count(drawn, "<circle "), 5u);
  EXPECT_THAT(drawn, HasSubstr("loss &lt;1&gt; &amp; &quot;more&quot;"));
  EXPECT_THAT(drawn, Not(HasSubstr("<1>")));
  EXPECT_THAT(drawn, HasSubstr("currentColor"));
  EXPECT_THAT(drawn, Not(HasSubstr("nan")));
}

// A gap ends the line and begins a new one: two moves.
TEST(Svg, LeavesGaps) {
  const double gap = std::numeric_limits<double>::quiet_NaN();
  const LinePlot plot{.title = "t", .series = {{.name = "a", .x = {0, 1, 2, 3, 4}, .y = {1, 2, gap, 3, 4}}}};
  const std::string drawn = svg(plot);
  const std::size_t path = drawn.find("<path d=\"");
  const std::string line = drawn.substr(path, drawn.find("fill", path) - path);
  EXPECT_EQ(count(line, "M"), 2u);
  EXPECT_EQ(count(line, "L"), 2u);
  const LinePlot log{
      .title = "t", .series = {{.name = "a", .x = {0, 1, 10}, .y = {1, 0, 5}}}, .log_x = true, .log_y = true};
  EXPECT_EQ(count(svg(log), "<circle "), 1u);
}

TEST(Svg, WithoutValues) {
  EXPECT_THAT(svg({.title = "t"}), HasSubstr("no values yet"));
  const LinePlot wrong{.title = "t", .series = {{.name = "a", .x = {1, 2}, .y = {1}}}};
  EXPECT_THROW(svg(wrong), Error);
}

}  // namespace
}  // namespace glossa::eval
