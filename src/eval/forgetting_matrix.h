// What fine-tuning on some languages did to the others.
#pragma once

#include <string>
#include <vector>

namespace glossa::eval {

// Error rates of models or training steps (rows) by language (columns); the first row is the model that
// fine-tuning began with.
class ForgettingMatrix {
 public:
  explicit ForgettingMatrix(std::vector<std::string> languages);

  // As many rates as languages, NaN where nothing was measured. Error kInvalidArgument otherwise.
  void add_row(std::string name, std::vector<double> rates);

  const std::vector<std::string>& languages() const { return languages_; }
  std::size_t rows() const { return names_.size(); }
  const std::string& name(std::size_t row) const { return names_[row]; }
  double rate(std::size_t row, std::size_t column) const { return rates_[row][column]; }
  // Rate less that of the first row: above 0 the language was forgotten. NaN where either is missing.
  double difference(std::size_t row, std::size_t column) const {
    return rates_[row][column] - rates_.front()[column];
  }

 private:
  std::vector<std::string> languages_;
  std::vector<std::string> names_;
  std::vector<std::vector<double>> rates_;
};

}  // namespace glossa::eval
