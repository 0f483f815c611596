#include "serve/boosting.h"

#include <algorithm>

#include "base/fail.h"

namespace glossa::serve {

float boost_score(double given, const std::string& field) {
  if (!(given >= 0)) fail_invalid_argument("{} is {}, expected 0 or more", field, given);
  if (given == 0) return kDefaultBoost;
  return static_cast<float>(std::min<double>(given, kMostBoost));
}

void add_boosted_phrase(const std::string& phrase, float score, std::vector<BoostedPhrase>& phrases) {
  if (phrase.empty() || phrase.starts_with('$')) return;
  phrases.push_back({phrase, score});
}

}  // namespace glossa::serve
