// Boosted phrases as clients of other servers send them.
#pragma once

#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace glossa::serve {

// A score on glossa's scale: 0 is "not set" and gives kDefaultBoost, what is above kMostBoost gives
// kMostBoost (Riva's documentation recommends 20 to 100, for other decoders). Error kInvalidArgument for less
// than 0 and for what is no number; `field` names where it came from.
float boost_score(double given, const std::string& field);

// Adds a phrase; Riva's class names ("$MONTH") and empty ones do not count.
void add_boosted_phrase(const std::string& phrase, float score, std::vector<BoostedPhrase>& phrases);

}  // namespace glossa::serve
