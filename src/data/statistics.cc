#include "data/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <unordered_set>

#include "text/lang_tag.h"
#include "text/text_style.h"

namespace glossa::data {
namespace {

constexpr double kPercents[] = {0, 1, 5, 25, 50, 75, 95, 99, 100};
constexpr double kShortest = 0.05;  // seconds: no rate below

// 1, 2 or 5 times a power of ten, at least `width`.
double round_width(double width) {
  const double power = std::pow(10, std::floor(std::log10(width)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * power >= width * (1 - 1e-9)) return step * power;
  }
  return 10 * power;
}

std::vector<HistogramBar> histogram_of(const std::vector<double>& durations, int bars) {
  const double longest = *std::max_element(durations.begin(), durations.end());
  if (longest <= 0) return {};
  const double width = round_width(longest / bars);
  const auto bar_of = [width](double seconds) { return static_cast<std::size_t>(seconds / width); };
  std::vector<HistogramBar> histogram(static_cast<std::size_t>(std::max(std::ceil(longest / width), 1.0)));
  for (std::size_t index = 0; index < histogram.size(); ++index) {
    histogram[index].begin = static_cast<double>(index) * width;
    histogram[index].end = static_cast<double>(index + 1) * width;
  }
  for (const double seconds : durations) {
    HistogramBar& bar = histogram[std::min(bar_of(seconds), histogram.size() - 1)];
    ++bar.utterances;
    bar.hours += seconds / 3600;
  }
  return histogram;
}

void add(Amount& amount, double seconds) {
  ++amount.utterances;
  amount.hours += seconds / 3600;
}

}  // namespace

std::vector<double> estimate_bucket_bins(std::vector<double> durations, int buckets) {
  std::sort(durations.begin(), durations.end());
  const double share = std::accumulate(durations.begin(), durations.end(), 0.0) / buckets;
  std::vector<double> bins;
  double filled = 0;
  for (const double seconds : durations) {
    if (filled > share) {
      if (bins.empty() || seconds > bins.back()) bins.push_back(seconds);
      filled = 0;
    }
    filled += seconds;
  }
  if (bins.size() > static_cast<std::size_t>(buckets - 1)) bins.resize(static_cast<std::size_t>(buckets - 1));
  return bins;
}

std::vector<Percentile> percentiles_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::vector<Percentile> percentiles;
  for (const double percent : kPercents) {
    const double rank = percent / 100 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(rank);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double part = rank - static_cast<double>(below);
    percentiles.push_back({percent, values[below] + part * (values[above] - values[below])});
  }
  return percentiles;
}

Statistics statistics_of(std::span<const ManifestText> manifests, const StatisticsOptions& options) {
  Statistics result;
  std::vector<double> durations;
  std::vector<double> characters_per_second;
  std::vector<double> tokens_per_second;
  std::set<std::string> speakers;
  std::unordered_set<std::string> words;
  for (const ManifestText& manifest : manifests) {
    for (const ManifestLine& line : manifest.lines) {
      if (!line.entry) {
        ++result.unusable_lines;
        continue;
      }
      const ManifestEntry& entry = *line.entry;
      const double seconds = entry.duration.value_or(0);
      for (Amount* amount : {&result.total, &result.languages[entry.target_lang.value_or("")],
                             &result.manifests[manifest.path.string()]}) {
        add(*amount, seconds);
      }
      if (!line.source.empty()) add(result.sources[line.source], seconds);
      if (!line.speaker.empty()) speakers.insert(line.speaker);
      if (entry.duration) durations.push_back(seconds);
      result.without_duration += entry.duration ? 0 : 1;
      result.without_text += entry.text ? 0 : 1;
      const std::string text = text::strip_lang_tags(entry.text.value_or(""));
      const std::int64_t characters = text::count_code_points(text);
      std::int64_t tokens = 0;
      if (options.tokenizer != nullptr) {
        tokens = static_cast<std::int64_t>(options.tokenizer->encode(text).size());
      }
      result.characters += characters;
      result.tokens += tokens;
      result.words += text::count_words(text);
      std::istringstream bare(text::bare_sentence(text));
      for (std::string word; bare >> word;) words.insert(word);
      if (seconds < kShortest || characters == 0) continue;
      characters_per_second.push_back(static_cast<double>(characters) / seconds);
      if (options.tokenizer != nullptr) tokens_per_second.push_back(static_cast<double>(tokens) / seconds);
    }
  }
  result.speakers = speakers.size();
  result.different_words = words.size();
  if (!durations.empty()) {
    result.durations = percentiles_of(durations);
    result.histogram = histogram_of(durations, options.bars);
    result.bucket_duration_bins = estimate_bucket_bins(durations, options.buckets);
  }
  if (!characters_per_second.empty()) {
    result.characters_per_second = percentiles_of(std::move(characters_per_second));
  }
  if (!tokens_per_second.empty()) result.tokens_per_second = percentiles_of(std::move(tokens_per_second));
  return result;
}

}  // namespace glossa::data
