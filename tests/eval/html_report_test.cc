#include "eval/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "eval/markup.h"

namespace glossa::eval {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Oracle: every element that is opened is closed in order, void elements apart.
std::string unbalanced(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "tag without end";
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.starts_with("meta") || tag == "wbr" || tag.ends_with("/")) continue;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find(' ') - (tag[0] == '/' ? 1 : 0));
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "unexpected </" + name + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "open: " + open.back();
}

HtmlReport full_report(const std::string& text) {
  HtmlReport report(text, text);
  report.add_figures({{text, text, text}});
  report.add_section(text, text);
  report.add_paragraph(text);
  report.add_configuration({{text, text}});
  report.add_table(
      {.columns = {text, text},
       .rows = {{{text, {text, text, Bar{.value = 0.5, .low = 0.2, .high = 2, .full = 1}}}, true}}});
  report.add_plot({.title = text,
                   .x_label = text,
                   .y_label = text,
                   .series = {{.name = text, .x = {1}, .y = {2}}, {.name = text}}});
  ForgettingMatrix matrix({text});
  matrix.add_row(text, {0.25});
  matrix.add_row(text, {std::numeric_limits<double>::quiet_NaN()});
  matrix.add_row(text, {0.30});
  report.add_section("second");
  report.add_matrix(matrix);
  report.add_samples(
      {{text, text, text + " same said", text + " same heard"}, {text, "", "", text}, {text, "", text, ""}});
  return report;
}

TEST(EscapeMarkup, EverythingThatCouldBreakOut) {
  EXPECT_EQ(escape_markup("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
  EXPECT_EQ(escape_markup("grün 你"), "grün 你");
  EXPECT_EQ(escape_markup(std::string_view("a\0b\x1b\xff", 5)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(HtmlReport, EscapesEverything) {
  const std::string evil = "</style><script>alert('x')</script>\"><img src=x onerror=y>";
  const std::string page = full_report(evil).str();
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("alert('x')")));
  EXPECT_EQ(unbalanced(page), "");
}

TEST(HtmlReport, NeedsNothingElse) {
  std::string page = full_report("plain").str();
  const std::string name_space = "http://www.w3.org/2000/svg";  // a name, not fetched
  for (std::size_t at = page.find(name_space); at != std::string::npos; at = page.find(name_space))
    page.erase(at, name_space.size());
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
}

TEST(HtmlReport, ListsItsSections) {
  const std::string page = full_report("first").str();
  EXPECT_THAT(page, HasSubstr("<a href=\"#s1\">first</a><a href=\"#s2\">second</a>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"s2\">second</h2>"));
}

TEST(HtmlReport, MarksWhatDiffers) {
  HtmlReport report("t");
  report.add_samples({{"id", "", "The cat sat here now today", "the bat sat down here now"}});
  const std::string page = report.str();
  EXPECT_THAT(page, HasSubstr(R"(<span class="near" title="reference: The">the</span>)"));
  EXPECT_THAT(page, HasSubstr(R"(<ruby class="sub">bat<rt>cat</rt></ruby> sat)"));
  EXPECT_THAT(page, HasSubstr(R"(<span class="ins" title="not said">down</span> here)"));
  EXPECT_THAT(page, HasSubstr(R"(<span class="del" title="missed">today</span>)"));
}

TEST(HtmlReport, LettersAreComparedAlone) {
  HtmlReport report("t");
  report.add_samples({{"id", "", "你好吗", "你号吗", /*by_letters=*/true}});
  EXPECT_THAT(report.str(), HasSubstr(R"(你<wbr><ruby class="sub">号<rt>好</rt></ruby><wbr>吗)"));
}

// 0.05 worse is half of the difference that has the full colour, 0.5 opaque.
TEST(HtmlReport, MatrixShowsDifferences) {
  const std::string page = full_report("x").str();
  EXPECT_THAT(page, HasSubstr("<td>25.00</td>"));
  EXPECT_THAT(page, HasSubstr("<td>–</td>"));
  EXPECT_THAT(page, HasSubstr(R"html(rgba(var(--bad),0.250)">30.00<small>+5.00</small>)html"));
}

}  // namespace
}  // namespace glossa::eval
