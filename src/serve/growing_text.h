// A text that grows, told in pieces that are only ever appended.
#pragma once

#include <string>

namespace glossa::serve {

class GrowingText {
 public:
  // What may be told of `text` now and was not before: its last word may still change and waits, in scripts
  // without spaces its last letter, unless `whole`. Empty where nothing is settled, or what was told is no
  // longer its beginning.
  std::string delta(const std::string& text, bool whole);

 private:
  std::string told_;
};

// Two pieces of one text, one after the other: with a space between them where its script has any.
std::string joined(const std::string& text, const std::string& more);

}  // namespace glossa::serve
