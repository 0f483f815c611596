#include "serve/latency.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::serve {

std::string latency_name(AttContext context, const ModelInfo& model) {
  return fmt::format("{:.0f}ms", context.chunk_frames() * model.frame_seconds * 1000);
}

std::string latency_names(const ModelInfo& model) {
  std::string names;
  for (const AttContext& context : model.att_contexts)
    names += (names.empty() ? "" : ", ") + latency_name(context, model);
  return names;
}

std::optional<AttContext> find_latency(std::string_view given, const ModelInfo& model) {
  std::string bare(given);
  std::erase(bare, ' ');
  std::string_view text = bare;
  for (const AttContext& context : model.att_contexts) {
    if (text == fmt::format("{},{}", context.left, context.right)) return context;
  }
  if (text.ends_with("ms")) text.remove_suffix(2);
  int milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const double frames = milliseconds / (model.frame_seconds * 1000);
  const int whole = static_cast<int>(std::lround(frames));
  if (whole < 1 || std::abs(whole - frames) * model.frame_seconds * 1000 >= 0.5) return std::nullopt;
  for (const AttContext& context : model.att_contexts) {
    if (context.chunk_frames() == whole) return context;
  }
  const int left = model.att_contexts.front().left;
  if (whole > left || left % whole != 0) return std::nullopt;
  return AttContext{.left = left, .right = whole - 1};
}

AttContext parse_latency(std::string_view text, const ModelInfo& model) {
  if (const auto found = find_latency(text, model)) return *found;
  fail_invalid_argument("latency is \"{}\", expected one of {}", printable(text), latency_names(model));
}

AttContext most_accurate(const ModelInfo& model) {
  return *std::max_element(model.att_contexts.begin(), model.att_contexts.end(),
                           [](AttContext a, AttContext b) { return a.right < b.right; });
}

}  // namespace glossa::serve
