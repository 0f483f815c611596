#include "bench/stream_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace glossa::bench {
namespace {

// A machine that holds `capacity` streams, and what it was asked.
struct Machine {
  int capacity = 0;
  std::vector<int> asked = {};

  Holds holds() {
    return [this](int streams) {
      asked.push_back(streams);
      return streams <= capacity;
    };
  }
};

TEST(LargestThatHolds, IsExactUpToTwenty) {
  for (int capacity = 0; capacity <= 20; ++capacity) {
    for (const int guess : {0, 1, 5, 14, 40, 1000}) {
      Machine machine{capacity};
      EXPECT_EQ(largest_that_holds(machine.holds(), guess, 500), capacity) << "guess " << guess;
    }
  }
}

TEST(LargestThatHolds, IsWithinATwentiethAbove) {
  for (const int capacity : {33, 100, 257, 1999}) {
    Machine machine{capacity};
    const int found = largest_that_holds(machine.holds(), 8, 10'000);
    EXPECT_LE(found, capacity);
    EXPECT_GE(found, capacity - found / 20 - 1);
  }
}

TEST(LargestThatHolds, AGoodGuessNeedsFewRuns) {
  Machine machine{17};
  EXPECT_EQ(largest_that_holds(machine.holds(), 14, 10'000), 17);
  EXPECT_LE(machine.asked.size(), 6u);
}

TEST(LargestThatHolds, NeverAsksBeyondItsBounds) {
  Machine machine{1'000'000};
  EXPECT_EQ(largest_that_holds(machine.holds(), 3, 50), 50);
  Machine none{0};
  EXPECT_EQ(largest_that_holds(none.holds(), 64, 100), 0);
  for (const Machine* asked : {&machine, &none}) {
    EXPECT_LE(*std::max_element(asked->asked.begin(), asked->asked.end()), 100);
    EXPECT_GE(*std::min_element(asked->asked.begin(), asked->asked.end()), 1);
  }
}

// The noise of a real machine: answers that contradict each other.
TEST(LargestThatHolds, EndsWhateverTheAnswers) {
  for (unsigned seed = 0; seed < 64; ++seed) {
    unsigned state = seed;
    int asked = 0;
    const int found = largest_that_holds(
        [&](int) {
          ++asked;
          state = state * 1664525u + 1013904223u;
          return (state >> 16 & 1u) != 0;
        },
        9, 1000);
    EXPECT_GE(found, 0);
    EXPECT_LE(found, 1000);
    EXPECT_LE(asked, 25);
  }
}

TEST(StepDown, FurtherEachTime) {
  Machine machine{90};
  EXPECT_EQ(step_down_until_it_holds(machine.holds(), 100), 85);
  EXPECT_EQ(machine.asked, (std::vector<int>{100, 95, 85}));
  Machine small{3};
  EXPECT_EQ(step_down_until_it_holds(small.holds(), 4), 3);
  Machine none{0};
  EXPECT_EQ(step_down_until_it_holds(none.holds(), 7), 0);
  EXPECT_EQ(none.asked, (std::vector<int>{7, 6, 4}));
  Machine nothing{5};
  EXPECT_EQ(step_down_until_it_holds(nothing.holds(), 0), 0);
  EXPECT_TRUE(nothing.asked.empty());
}

}  // namespace
}  // namespace glossa::bench
