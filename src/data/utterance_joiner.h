// Makes one cut of several, with pauses before each, as a stream has them: a transducer that is trained from
// nothing on single utterances learns to stop after the first one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/batch_sampler.h"
#include "data/draws.h"

namespace glossa::data {

// Cuts of one language and prompt mode are joined in the order in which they are drawn, so that each is drawn
// as often as without. Every choice depends on the cuts' seeds alone. Where the next cut does not fit, a
// group is finished with what it has: long cuts are joined less often than asked for.
class UtteranceJoiner {
 public:
  // `fits` says whether a cut of so many seconds may be made. `draws` must outlive it. Shares outside [0, 1],
  // fewer than two utterances, and pauses that are negative or descend are Error kInvalidArgument.
  UtteranceJoiner(Draws& draws, const JoinOptions& options, std::function<bool(double)> fits);

  PlannedCut next();  // without a cut at the end of what is not endless

 private:
  struct Group {
    std::vector<CutPart> parts;
    std::uint64_t seed = 0;  // of the first
    std::size_t wanted = 0;  // parts
    double seconds = 0;      // of sound and pauses
  };

  double pause_before(const PlannedCut& cut) const;
  PlannedCut finish(Group& group) const;

  Draws& draws_;
  const JoinOptions options_;
  const std::function<bool(double)> fits_;
  std::map<std::pair<std::string, std::string>, Group> groups_;  // by language and prompt mode; may be empty
  PlannedCut drawn_;  // did not fit into a group that was finished then
};

}  // namespace glossa::data
