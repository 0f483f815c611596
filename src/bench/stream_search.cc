#include "bench/stream_search.h"

#include <algorithm>

namespace glossa::bench {
namespace {

constexpr int kPrecision = 20;  // to a 20th

}  // namespace

int largest_that_holds(const Holds& holds, int guess, int most) {
  int good = 0;
  int bad = most + 1;
  int next = std::clamp(guess, 1, most);
  while (good < next && next < bad) {
    if (holds(next)) {
      good = next;
      next = std::min(2 * next, most);
    } else {
      bad = next;
      next = next / 2;
    }
    if (good > 0 && bad <= most) break;  // between two bounds
  }
  while (bad - good > std::max(1, good / kPrecision)) {
    const int middle = good + (bad - good) / 2;
    (holds(middle) ? good : bad) = middle;
  }
  return good;
}

int step_down_until_it_holds(const Holds& holds, int streams) {
  for (int step = std::max(1, streams / kPrecision); streams > 0; streams -= step, step *= 2) {
    if (holds(streams)) return streams;
  }
  return 0;
}

}  // namespace glossa::bench
