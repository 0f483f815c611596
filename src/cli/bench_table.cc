#include "cli/bench_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/output_writer.h"

namespace glossa::cli {
namespace {

constexpr std::size_t kNarrowest = 7;

std::string aligned(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    line += column == 0 ? fmt::format("{:<{}}", cells[column], widths[column])
                        : fmt::format("  {:>{}}", cells[column], widths[column]);
  }
  return line + "\n";
}

}  // namespace

BenchTable::BenchTable(std::string title, std::vector<std::string> columns)
    : title_(std::move(title)), columns_(std::move(columns)) {}

void BenchTable::print(const std::vector<std::string>& line) {
  if (widths_.empty()) {
    for (std::size_t column = 0; column < columns_.size(); ++column)
      widths_.push_back(std::max({kNarrowest, columns_[column].size(), line[column].size()}));
    print_to_stdout(fmt::format("\n{}\n", title_) + aligned(columns_, widths_));
  }
  print_to_stdout(aligned(line, widths_));
}

}  // namespace glossa::cli
