// A text that grows, told in pieces that are only ever appended.
#pragma once

#include <string>

namespace glossa::serve {

class GrowingText {
 public:
  // What may be told of `text` now and was not before: its last word may still change and waits, unless
  // `whole`. Empty where nothing is settled, or what was told is no longer its beginning.
  std::string delta(const std::string& text, bool whole) {
    const std::size_t space = text.find_last_of(' ');
    const std::size_t settled = whole ? text.size() : space == std::string::npos ? 0 : space;
    if (settled <= told_.size() || !text.starts_with(told_)) return {};
    std::string delta = text.substr(told_.size(), settled - told_.size());
    told_ += delta;
    return delta;
  }

 private:
  std::string told_;
};

}  // namespace glossa::serve
