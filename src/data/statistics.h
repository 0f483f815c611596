// What manifests hold: hours, languages, sources, durations, words, and how to bucket them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "data/manifest_lines.h"
#include "text/sentencepiece.h"

namespace glossa::data {

struct Amount {
  std::int64_t utterances = 0;
  double hours = 0;
};

struct HistogramBar {
  double begin = 0;  // seconds; the bar holds [begin, end), the last one also its end
  double end = 0;
  std::int64_t utterances = 0;
  double hours = 0;
};

struct Percentile {
  double percent = 0;
  double value = 0;
};

struct Statistics {
  Amount total;
  std::map<std::string, Amount> languages;  // "" : lines without one
  std::map<std::string, Amount> sources;    // of the field "source" or "dataset"
  std::map<std::string, Amount> manifests;
  std::size_t speakers = 0;  // different ones; 0: none given
  std::int64_t unusable_lines = 0;
  std::int64_t without_duration = 0;  // not in hours, histogram and percentiles
  std::int64_t without_text = 0;
  std::int64_t words = 0;
  std::size_t different_words = 0;  // in lower case, without punctuation
  std::int64_t characters = 0;
  std::int64_t tokens = 0;            // 0 without tokenizer
  std::vector<Percentile> durations;  // seconds
  std::vector<Percentile> characters_per_second;
  std::vector<Percentile> tokens_per_second;  // empty without tokenizer
  std::vector<HistogramBar> histogram;
  std::vector<double> bucket_duration_bins;  // seconds: equal hours in every bucket
};

struct StatisticsOptions {
  const text::SentencePiece* tokenizer = nullptr;
  int buckets = 30;
  int bars = 20;
};

Statistics statistics_of(std::span<const ManifestText> manifests, const StatisticsOptions& options);

// Upper bounds of all buckets but the last, such that each holds about the same number of hours; at most
// buckets - 1, ascending, no two equal. Source: Lhotse's estimate_duration_buckets().
std::vector<double> estimate_bucket_bins(std::vector<double> durations, int buckets);

// Linear between the two nearest values, as numpy's percentile. `values` is not empty.
std::vector<Percentile> percentiles_of(std::vector<double> values);

}  // namespace glossa::data
