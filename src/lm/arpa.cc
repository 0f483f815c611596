#include "lm/arpa.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "text/utf8.h"

namespace glossa::lm {
namespace {

constexpr char32_t kOffset = 100;  // NeMo's DEFAULT_TOKEN_OFFSET
constexpr std::string_view kStartWord = "<s>";
constexpr std::string_view kEndWord = "</s>";
constexpr std::string_view kUnknownWord = "<unk>";
constexpr std::uint64_t kMostNgrams = 2'000'000'000;  // of a length

std::string word_of(int label) {
  switch (label) {
    case kSentenceStart:
      return std::string(kStartWord);
    case kSentenceEnd:
      return std::string(kEndWord);
    case kUnknown:
      return std::string(kUnknownWord);
    default:
      return text::to_utf8(static_cast<char32_t>(label) + kOffset);
  }
}

// Takes the text before the first of `separators` off `rest`, with the separators behind it.
std::string_view take_field(std::string_view& rest, std::string_view separators) {
  const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.find_first_not_of(separators, end), rest.size()));
  return field;
}

class Reader {
 public:
  Reader(std::istream& in, std::string name, int vocabulary)
      : in_(in), name_(std::move(name)), vocabulary_(vocabulary) {}

  NgramModel read() {
    while (next_line() && line_ != "\\data\\") {
      // Whatever stands before is a comment, but a file without an end of line is no ARPA file.
      if (number_ > kMostComments) break;
    }
    if (line_ != "\\data\\") fail("{}: no line \\data\\ in it: this is no ARPA language model", name_);
    std::vector<std::uint64_t> counts;
    while (next_line() && !line_.starts_with('\\')) counts.push_back(count_of(line_, counts.size() + 1));
    if (counts.empty()) fail_line("ngram 1=COUNT");
    if (counts.size() > kMostOrder) {
      fail("{}: n-grams of {} labels, expected {} at most", name_, counts.size(), kMostOrder);
    }
    NgramModel model;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      const int order = static_cast<int>(k) + 1;
      if (line_ != fmt::format("\\{}-grams:", order)) fail_line(fmt::format("\\{}-grams:", order));
      model.tables.push_back(read_table(order, counts[k]));
    }
    if (line_ != "\\end\\") fail_line("\\end\\");
    return model;
  }

 private:
  static constexpr int kMostComments = 1000;  // lines

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    fail_bad_input(text, std::forward<Args>(args)...);
  }

  [[noreturn]] void fail_line(std::string_view expected) const {
    if (ended_) fail("{}: it ends too early (expected {})", name_, expected);
    fail("{}: line {}: expected {}, got \"{}\"", name_, number_, expected, printable(line_.substr(0, 60)));
  }

  // The next line that is not empty.
  bool next_line() {
    while (std::getline(in_, buffer_)) {
      ++number_;
      line_ = buffer_;
      while (!line_.empty() && (line_.back() == '\r' || line_.back() == ' ' || line_.back() == '\t'))
        line_.remove_suffix(1);
      if (!line_.empty()) return true;
    }
    line_ = {};
    ended_ = true;
    return false;
  }

  std::uint64_t count_of(std::string_view line, std::size_t order) const {
    const std::string head = fmt::format("ngram {}=", order);
    std::string_view digits = line;
    std::uint64_t count = 0;
    if (line.starts_with(head)) {
      digits.remove_prefix(head.size());
      while (digits.starts_with(' ')) digits.remove_prefix(1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
      if (error == std::errc() && end == digits.data() + digits.size() && count <= kMostNgrams) return count;
    }
    fail_line(head + "COUNT");
  }

  // The natural logarithm of what the decadic one stands for; 0 probability is very little instead, so that
  // sums stay numbers.
  float logarithm(std::string_view text, float most, std::string_view expected) const {
    float value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value <= most)) fail_line(expected);
    constexpr float kLeast = -50;
    return std::max(value, kLeast) * std::numbers::ln10_v<float>;
  }

  int label_of(std::string_view word) const {
    if (word == kStartWord) return kSentenceStart;
    if (word == kEndWord) return kSentenceEnd;
    if (word == kUnknownWord) return kUnknown;
    const text::CodePoint character = word.empty() ? text::CodePoint{} : text::first_code_point(word);
    if (!character.valid || character.size != word.size() || character.value < kOffset ||
        character.value - kOffset >= static_cast<char32_t>(vocabulary_)) {
      fail(
          "{}: line {}: \"{}\" is no piece of this checkpoint (expected one character, its id of 0 to {} + "
          "{}, "
          "as `glossa lm` and NeMo's train_kenlm.py write)",
          name_, number_, printable(word.substr(0, 60)), vocabulary_ - 1, static_cast<int>(kOffset));
    }
    return static_cast<int>(character.value - kOffset);
  }

  NgramTable read_table(int order, std::uint64_t count) {
    NgramTable table;
    table.order = order;
    while (next_line() && !line_.starts_with('\\')) {
      std::string_view rest = line_;
      const std::string_view probability = take_field(rest, "\t ");
      for (int k = 0; k < order; ++k) table.labels.push_back(label_of(take_field(rest, "\t ")));
      table.log_prob.push_back(logarithm(probability, 0, "the logarithm of a probability, 0 or less, first"));
      table.backoff.push_back(
          rest.empty() ? 0
                       : logarithm(rest, kMostBackoff, "the logarithm of a weight at the end, or nothing"));
    }
    if (table.size() != count) {
      fail("{}: it has {} n-grams of {} labels, expected {} from \"ngram {}=\"", name_, table.size(), order,
           count, order);
    }
    return table;
  }

  static constexpr float kMostBackoff = 10;  // decadic logarithm; above 0 in models that were pruned

  std::istream& in_;
  std::string name_;
  int vocabulary_;
  std::string buffer_;
  std::string_view line_;
  int number_ = 0;
  bool ended_ = false;
};

}  // namespace

NgramModel read_arpa(const std::filesystem::path& path, int vocabulary) {
  std::ifstream in(path, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(path)) {
    fail_bad_input("{}: no such file, or it cannot be read (expected an ARPA language model)", path.string());
  }
  return read_arpa(in, path.string(), vocabulary);
}

NgramModel read_arpa(std::istream& in, const std::string& name, int vocabulary) {
  return Reader(in, name, vocabulary).read();
}

void write_arpa(const NgramModel& model, std::ostream& out) {
  fmt::print(out, "\\data\\\n");
  for (const NgramTable& table : model.tables) fmt::print(out, "ngram {}={}\n", table.order, table.size());
  for (const NgramTable& table : model.tables) {
    fmt::print(out, "\n\\{}-grams:\n", table.order);
    const bool last = table.order == model.order();
    for (std::size_t row = 0; row < table.size(); ++row) {
      std::string words;
      for (const int label : table.ngram(row)) words += (words.empty() ? "" : " ") + word_of(label);
      fmt::print(out, "{:.6f}\t{}", table.log_prob[row] / std::numbers::ln10_v<float>, words);
      if (!last) fmt::print(out, "\t{:.6f}", table.backoff[row] / std::numbers::ln10_v<float>);
      fmt::print(out, "\n");
    }
  }
  fmt::print(out, "\n\\end\\\n");
}

}  // namespace glossa::lm
