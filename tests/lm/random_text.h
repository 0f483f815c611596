// Sentences over a few pieces, such that n-grams come again.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace glossa::testing {

inline std::vector<std::vector<int>> random_sentences(std::uint32_t seed, int sentences, int vocabulary) {
  std::mt19937 random(seed);
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  std::vector<std::vector<int>> text(static_cast<std::size_t>(sentences));
  for (std::vector<int>& sentence : text) {
    int label = draw(0, vocabulary - 1);
    for (int left = draw(1, 9); left > 0; --left) {
      sentence.push_back(label);
      label = draw(0, 3) > 0 ? (label * 3 + 1) % vocabulary : draw(0, vocabulary - 1);
    }
  }
  return text;
}

}  // namespace glossa::testing
