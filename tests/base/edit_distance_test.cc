#include "base/edit_distance.h"

#include <gtest/gtest.h>

namespace glossa {
namespace {

// Counted by hand.
TEST(EditDistance, InsertionsDeletionsSubstitutions) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("de", ""), 2u);
  EXPECT_EQ(edit_distance("", "de"), 2u);
  EXPECT_EQ(edit_distance("weight_decai", "weight_decay"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace glossa
