#include "data/shard_pattern.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/fail.h"
#include "base/printable.h"
#include "data/cut_sources.h"

namespace glossa::data {
namespace {

constexpr std::size_t kMostShards = 100'000;

struct Bracket {
  std::string_view open;
  std::string_view close;
  bool lists;  // {x,y}: in the others a comma is part of the name
};
constexpr std::array<Bracket, 5> kBrackets = {
    {{"_OP_", "_CL_", true}, {"{", "}", true}, {"(", ")", false}, {"[", "]", false}, {"<", ">", false}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<long> number(std::string_view text) {
  long value = 0;
  const bool digits = !text.empty() && text.size() <= 9 && std::all_of(text.begin(), text.end(), is_digit);
  if (!digits) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "0..12" or "012..000"; a leading zero anywhere makes all as wide as the widest.
std::optional<std::vector<std::string>> range(std::string_view text, std::string_view pattern) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string_view first = text.substr(0, dots);
  const std::string_view last = text.substr(dots + 2);
  const auto from = number(first);
  const auto to = number(last);
  if (!from || !to) return std::nullopt;
  if (static_cast<std::size_t>(std::abs(*from - *to)) >= kMostShards) {
    fail_bad_input("{}: too many shards (expected at most {}, got {}..{})", printable(pattern), kMostShards,
                   first, last);
  }
  const bool padded = (first.size() > 1 && first[0] == '0') || (last.size() > 1 && last[0] == '0');
  const std::size_t width = padded ? std::max(first.size(), last.size()) : 0;
  std::vector<std::string> names;
  for (long value = *from;; value += *from < *to ? 1 : -1) {
    names.push_back(fmt::format("{:0{}}", value, width));
    if (value == *to) return names;
  }
}

std::optional<std::vector<std::string>> alternatives(std::string_view text, const Bracket& bracket,
                                                     std::string_view pattern) {
  if (auto names = range(text, pattern)) return names;
  if (!bracket.lists || text.find(',') == std::string_view::npos) return std::nullopt;
  std::vector<std::string> names;
  while (true) {
    const std::size_t comma = text.find(',');
    names.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

struct Range {
  std::size_t begin = 0;  // of the opening bracket
  std::size_t end = 0;    // behind the closing one
  std::vector<std::string> names;
};

std::optional<Range> first_range(std::string_view pattern, std::size_t from) {
  for (std::size_t at = from; at < pattern.size(); ++at) {
    for (const Bracket& bracket : kBrackets) {
      if (!pattern.substr(at).starts_with(bracket.open)) continue;
      const std::size_t inside = at + bracket.open.size();
      // _OP_0..3} is as good to NeMo as _OP_0..3_CL_.
      std::size_t close = std::string_view::npos;
      std::size_t close_size = 0;
      for (const Bracket& closing : kBrackets) {
        const std::size_t found = pattern.find(closing.close, inside);
        if (found < close) {
          close = found;
          close_size = closing.close.size();
        }
      }
      if (close == std::string_view::npos) continue;
      if (auto names = alternatives(pattern.substr(inside, close - inside), bracket, pattern)) {
        return Range{at, close + close_size, *std::move(names)};
      }
    }
  }
  return std::nullopt;
}

std::optional<long> last_number(std::string_view name, bool after_underscore) {
  for (std::size_t end = name.size(); end > 0; --end) {
    if (!is_digit(name[end - 1])) continue;
    std::size_t begin = end;
    while (begin > 0 && is_digit(name[begin - 1])) --begin;
    if (!after_underscore || (begin > 0 && name[begin - 1] == '_'))
      return number(name.substr(begin, end - begin));
    end = begin + 1;  // the loop steps over `begin`
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> expand_shards(const std::string& pattern) {
  std::vector<std::string> names = {""};
  std::size_t done = 0;
  while (const auto range = first_range(pattern, done)) {
    if (names.size() * range->names.size() > kMostShards) {
      fail_bad_input("{}: too many shards (expected at most {})", printable(pattern), kMostShards);
    }
    std::vector<std::string> longer;
    for (const std::string& name : names) {
      for (const std::string& part : range->names) {
        longer.push_back(name + pattern.substr(done, range->begin - done) + part);
      }
    }
    names = std::move(longer);
    done = range->end;
  }
  for (std::string& name : names) name += pattern.substr(done);
  return names;
}

std::optional<long> shard_id(std::string_view path, std::string_view kind) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string_view stem = name.substr(0, name.rfind('.'));
  const std::size_t start = name.find(kind);
  if (start != std::string_view::npos) {
    if (const auto id = last_number(stem.substr(std::min(start, stem.size())), /*after_underscore=*/true))
      return id;
  }
  return last_number(stem, /*after_underscore=*/false);
}

}  // namespace glossa::data
