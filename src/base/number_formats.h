// What users call the number formats of weights and of keys and values: one table for every interface.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "glossa/types.hpp"

namespace glossa {

template <class Format>
struct NamedFormat {
  const char* name;
  Format format;
};

inline constexpr NamedFormat<WeightFormat> kWeightFormats[] = {{"f32", WeightFormat::kF32},
                                                               {"bf16", WeightFormat::kBF16},
                                                               {"int8", WeightFormat::kInt8},
                                                               {"int4", WeightFormat::kInt4}};
inline constexpr NamedFormat<CacheFormat> kCacheFormats[] = {{"auto", CacheFormat::kAuto},
                                                             {"f32", CacheFormat::kF32},
                                                             {"bf16", CacheFormat::kBF16},
                                                             {"int8", CacheFormat::kInt8}};

template <class Format>
constexpr std::optional<Format> find_format(std::span<const NamedFormat<Format>> all, std::string_view name) {
  for (const auto& named : all) {
    if (name == named.name) return named.format;
  }
  return std::nullopt;
}

// In the order of the table.
template <class Format>
std::vector<std::string> names_of(std::span<const NamedFormat<Format>> all) {
  std::vector<std::string> names;
  for (const auto& named : all) names.emplace_back(named.name);
  return names;
}

template <class Format>
constexpr const char* name_in(std::span<const NamedFormat<Format>> all, Format format) {
  for (const auto& named : all) {
    if (named.format == format) return named.name;
  }
  return "";
}

constexpr const char* name_of(WeightFormat format) { return name_in<WeightFormat>(kWeightFormats, format); }
constexpr const char* name_of(CacheFormat format) { return name_in<CacheFormat>(kCacheFormats, format); }

}  // namespace glossa
