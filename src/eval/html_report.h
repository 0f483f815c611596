// A report as one HTML page that needs nothing else: style inside, no script, no font, no picture from
// elsewhere. It follows the reader's light or dark setting. Everything given is text and gets escaped.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/forgetting_matrix.h"
#include "eval/svg_plot.h"

namespace glossa::eval {

// A small bar below a number: the value with the ends of its interval, on a scale from 0 to `full`.
struct Bar {
  double value = 0;
  double low = 0;
  double high = 0;
  double full = 1;
};

struct Cell {
  Cell(const char* words) : text(words) {}             // NOLINT: a cell is mostly its text
  Cell(std::string words) : text(std::move(words)) {}  // NOLINT
  Cell(std::string words, std::string beside) : text(std::move(words)), note(std::move(beside)) {}
  Cell(std::string words, std::string beside, Bar drawn)
      : text(std::move(words)), note(std::move(beside)), bar(drawn) {}
  std::string text;
  std::string note;  // smaller, beside it
  std::optional<Bar> bar;
};

struct Row {
  std::vector<Cell> cells;
  bool strong = false;  // a sum
};

struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::size_t text_columns = 1;  // the first ones, left-aligned; the others hold numbers
};

struct Figure {
  std::string value;  // "12.3 %"
  std::string label;  // "WER, normalised"
  std::string note;
};

struct Sample {
  std::string heading;  // the utterance
  std::string note;     // such as its language and error rate
  std::string reference;
  std::string hypothesis;
  bool by_letters = false;  // compared letter by letter: languages without spaces
};

// Sections appear in the order in which they are added; those with a title are listed at the top of the page.
class HtmlReport {
 public:
  explicit HtmlReport(std::string title, std::string subtitle = "");

  void add_figures(const std::vector<Figure>& figures);
  void add_section(const std::string& title, const std::string& note = "");
  void add_paragraph(const std::string& text);
  void add_configuration(const std::vector<std::pair<std::string, std::string>>& settings);
  void add_table(const Table& table);
  void add_plot(const LinePlot& plot);
  // Rates in percent, coloured by the difference to the first row.
  void add_matrix(const ForgettingMatrix& matrix);
  // The hypothesis with what differs from the reference marked in it.
  void add_samples(const std::vector<Sample>& samples);

  // The whole page.
  std::string str() const;

 private:
  std::string title_;
  std::string subtitle_;
  std::vector<std::string> sections_;
  std::string body_;
};

}  // namespace glossa::eval
