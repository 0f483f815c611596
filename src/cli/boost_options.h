// --boost and its relatives: phrases that the search leans towards.
#pragma once

#include <string>
#include <vector>

#include "glossa/types.hpp"

namespace CLI {
class App;
}

namespace glossa::cli {

struct BoostOptions {
  std::vector<std::string> phrases;
  std::string file;
  float score = kDefaultBoost;  // of phrases without their own
};

void add_boost_options(CLI::App& command, BoostOptions& options);

// Those of the command line and of the file: a phrase on each line, with a tab and its score behind it or
// not; empty lines and lines that begin with # do not count. Error kBadInput names the file's line,
// kInvalidArgument a score that cannot be.
std::vector<BoostedPhrase> boosted_phrases(const BoostOptions& options);

}  // namespace glossa::cli
