#include "eval/html_report.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "eval/html_style.h"
#include "eval/markup.h"
#include "eval/text_normalizer.h"
#include "eval/wer.h"

namespace glossa::eval {
namespace {

constexpr double kStrongest = 0.10;  // difference of rates from which a matrix cell has its full colour

std::string bar_html(const Bar& bar) {
  const auto percent = [&](double value) {
    const double share = bar.full > 0 && !std::isnan(value) ? value / bar.full : 0;
    return 100 * std::clamp(share, 0.0, 1.0);
  };
  const double low = percent(bar.low);
  return fmt::format(
      R"(<div class="bar"><i style="width:{:.1f}%"></i><u style="left:{:.1f}%;width:{:.1f}%"></u></div>)",
      percent(bar.value), low, std::max(percent(bar.high) - low, 0.0));
}

std::string cell_html(const Cell& cell) {
  std::string html = escape_markup(cell.text);
  if (!cell.note.empty()) html += fmt::format("<small>{}</small>", escape_markup(cell.note));
  if (cell.bar) html += bar_html(*cell.bar);
  return html;
}

std::string matrix_cell(double rate, double difference, bool is_first_row) {
  if (std::isnan(rate)) return "<td>–</td>";
  const std::string value = fmt::format("{:.2f}", 100 * rate);
  if (is_first_row || std::isnan(difference)) return fmt::format("<td>{}</td>", value);
  const double strength = 0.5 * std::min(std::abs(difference) / kStrongest, 1.0);
  return fmt::format(R"html(<td style="background:rgba(var(--{}),{:.3f})">{}<small>{:+.2f}</small></td>)html",
                     difference > 0 ? "bad" : "good", strength, value, 100 * difference);
}

// A difference of case, punctuation or the like only.
bool is_near(const AlignedWord& pair) {
  return pair.edit == Edit::kSubstitution &&
         normalize_basic(pair.reference) == normalize_basic(pair.hypothesis);
}

std::string word_html(const AlignedWord& pair) {
  const std::string heard = escape_markup(pair.hypothesis);
  const std::string said = escape_markup(pair.reference);
  if (is_near(pair)) return fmt::format(R"(<span class="near" title="reference: {}">{}</span>)", said, heard);
  switch (pair.edit) {
    case Edit::kMatch:
      return heard;
    case Edit::kSubstitution:
      return fmt::format(R"(<ruby class="sub">{}<rt>{}</rt></ruby>)", heard, said);
    case Edit::kDeletion:
      return fmt::format(R"(<span class="del" title="missed">{}</span>)", said);
    case Edit::kInsertion:
      return fmt::format(R"(<span class="ins" title="not said">{}</span>)", heard);
  }
  return heard;
}

std::string sample_html(const Sample& sample) {
  const auto units = [&](const std::string& text) { return sample.by_letters ? split_letters(text) : text; };
  std::string heard;
  for (const AlignedWord& pair : align_words(units(sample.hypothesis), units(sample.reference))) {
    if (!heard.empty()) heard += sample.by_letters ? "<wbr>" : " ";
    heard += word_html(pair);
  }
  return fmt::format(R"(<article class="card sample"><header><span>{}</span><span>{}</span></header>)"
                     R"(<p class="heard" dir="auto">{}</p><p class="said" dir="auto">{}</p></article>)"
                     "\n",
                     escape_markup(sample.heading), escape_markup(sample.note), heard.empty() ? "–" : heard,
                     escape_markup(sample.reference));
}

}  // namespace

HtmlReport::HtmlReport(std::string title, std::string subtitle)
    : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void HtmlReport::add_figures(const std::vector<Figure>& figures) {
  body_ += "<div class=\"figures\">\n";
  for (const Figure& figure : figures) {
    body_ +=
        fmt::format("<div class=\"figure\"><b>{}</b><span>{}</span><small>{}</small></div>\n",
                    escape_markup(figure.value), escape_markup(figure.label), escape_markup(figure.note));
  }
  body_ += "</div>\n";
}

void HtmlReport::add_section(const std::string& title, const std::string& note) {
  sections_.push_back(title);
  body_ += fmt::format("<h2 id=\"s{}\">{}</h2>\n", sections_.size(), escape_markup(title));
  if (!note.empty()) add_paragraph(note);
}

void HtmlReport::add_paragraph(const std::string& text) {
  body_ += fmt::format("<p class=\"note\">{}</p>\n", escape_markup(text));
}

void HtmlReport::add_configuration(const std::vector<std::pair<std::string, std::string>>& settings) {
  body_ += "<div class=\"card\"><dl>\n";
  for (const auto& [name, value] : settings)
    body_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_markup(name), escape_markup(value));
  body_ += "</dl></div>\n";
}

void HtmlReport::add_table(const Table& table) {
  const auto kind = [&](std::size_t column) { return column < table.text_columns ? " class=\"t\"" : ""; };
  body_ += "<div class=\"card\"><table><thead><tr>";
  for (std::size_t column = 0; column < table.columns.size(); ++column)
    body_ += fmt::format("<th{}>{}</th>", kind(column), escape_markup(table.columns[column]));
  body_ += "</tr></thead><tbody>\n";
  for (const Row& row : table.rows) {
    body_ += row.strong ? "<tr class=\"strong\">" : "<tr>";
    for (std::size_t column = 0; column < row.cells.size(); ++column)
      body_ += fmt::format("<td{}>{}</td>", kind(column), cell_html(row.cells[column]));
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void HtmlReport::add_plot(const LinePlot& plot) {
  body_ += fmt::format("<div class=\"card plot\">{}</div>\n", svg(plot));
}

void HtmlReport::add_matrix(const ForgettingMatrix& matrix) {
  body_ += "<div class=\"card\"><table class=\"matrix\"><thead><tr><th class=\"t\"></th>";
  for (const std::string& language : matrix.languages())
    body_ += fmt::format("<th>{}</th>", escape_markup(language));
  body_ += "</tr></thead><tbody>\n";
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    body_ += fmt::format("<tr><td class=\"t\">{}</td>", escape_markup(matrix.name(row)));
    for (std::size_t column = 0; column < matrix.languages().size(); ++column)
      body_ += matrix_cell(matrix.rate(row, column), matrix.difference(row, column), row == 0);
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void HtmlReport::add_samples(const std::vector<Sample>& samples) {
  body_ += R"(<p class="key"><span><ruby class="sub">heard<rt>said</rt></ruby> another word</span>)"
           R"(<span><span class="del">missed</span> said, not heard</span>)"
           R"(<span><span class="ins">added</span> heard, not said</span>)"
           R"(<span><span class="near">Near,</span> case or punctuation only</span></p>)"
           "\n";
  for (const Sample& sample : samples) body_ += sample_html(sample);
}

std::string HtmlReport::str() const {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n"
      "<style>{1}</style></head>\n<body><main>\n<h1>{0}</h1>\n",
      escape_markup(title_), kStyle);
  if (!subtitle_.empty()) page += fmt::format("<p class=\"subtitle\">{}</p>\n", escape_markup(subtitle_));
  if (sections_.size() > 1) {
    page += "<nav>";
    for (std::size_t index = 0; index < sections_.size(); ++index)
      page += fmt::format("<a href=\"#s{}\">{}</a>", index + 1, escape_markup(sections_[index]));
    page += "</nav>\n";
  }
  return page + body_ + "<footer>Written by glossa.</footer>\n</main></body></html>\n";
}

}  // namespace glossa::eval
