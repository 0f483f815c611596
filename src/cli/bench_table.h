// Tables on stdout that grow line by line.
#pragma once

#include <string>
#include <vector>

namespace glossa::cli {

class BenchTable {
 public:
  // Columns are as wide as their names or their first line, whatever is more; the first is left-aligned, the
  // others are right-aligned. Every line has as many cells.
  BenchTable(std::string title, std::vector<std::string> columns);

  // Title and column names come before the first line.
  void print(const std::vector<std::string>& line);

 private:
  std::string title_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> widths_;
};

}  // namespace glossa::cli
