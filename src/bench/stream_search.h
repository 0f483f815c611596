// The largest number of streams that a machine holds.
#pragma once

#include <functional>

namespace glossa::bench {

// Whether that many streams hold. Expected to hold for fewer when it holds for more; a measurement that
// wavers costs accuracy, not termination.
using Holds = std::function<bool(int streams)>;

// Doubles or halves from `guess`, then bisects until the answer is known to 1, or to 5 % of itself. 0: not
// even 1 holds. At most `most`.
int largest_that_holds(const Holds& holds, int guess, int most);

// Steps down from `streams`, further each time, to a number that holds; 0 when none does.
int step_down_until_it_holds(const Holds& holds, int streams);

}  // namespace glossa::bench
