#include "eval/forgetting_matrix.h"

#include <utility>

#include "base/fail.h"

namespace glossa::eval {

ForgettingMatrix::ForgettingMatrix(std::vector<std::string> languages) : languages_(std::move(languages)) {}

void ForgettingMatrix::add_row(std::string name, std::vector<double> rates) {
  if (rates.size() != languages_.size()) {
    fail_invalid_argument("forgetting matrix: row {} has {} rates, expected one for each of {} languages",
                          name, rates.size(), languages_.size());
  }
  names_.push_back(std::move(name));
  rates_.push_back(std::move(rates));
}

}  // namespace glossa::eval
