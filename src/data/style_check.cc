// Whether texts are written alike: capitals, punctuation and digits, within a manifest and between manifests.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/checks.h"
#include "text/lang_tag.h"
#include "text/text_style.h"

namespace glossa::data {
namespace {

constexpr std::int64_t kFewestLines = 10;  // of a language in a manifest, to speak of its style
constexpr std::int64_t kFewestOdd = 2;     // lines written otherwise than most
constexpr double kOddShare = 0.05;         // of the lines
constexpr double kDrift = 0.5;             // difference of two shares

struct Share {
  std::int64_t lines = 0;  // that could have it
  std::int64_t with = 0;
  int first_with = 0;  // line
  int first_without = 0;

  void add(bool has, int line) {
    ++lines;
    if (has && with++ == 0) first_with = line;
    if (!has && first_without == 0) first_without = line;
  }
  double share() const { return lines > 0 ? static_cast<double>(with) / static_cast<double>(lines) : 0; }
};

enum Feature : std::size_t { kCapitals, kPunctuation, kDigits, kFeatures };
constexpr std::array<const char*, kFeatures> kFeatureNames = {"capitals", "punctuation", "digits"};
using Style = std::array<Share, kFeatures>;

std::map<std::string, Style> styles_of(const ManifestText& manifest) {
  std::map<std::string, Style> styles;
  for (const ManifestLine& line : manifest.lines) {
    if (!line.entry || !line.entry->text) continue;
    const text::TextStyle style = text::style_of(text::strip_lang_tags(*line.entry->text));
    if (style.letters == 0 && !style.has_digit) continue;
    Style& shares = styles[line.entry->target_lang.value_or("")];
    if (style.has_case) shares[kCapitals].add(style.has_capital, line.line);
    shares[kPunctuation].add(style.has_punctuation, line.line);
    shares[kDigits].add(style.has_digit, line.line);
  }
  return styles;
}

std::string name_of(const std::string& lang) {
  return lang.empty() ? "lines without language" : lang + " lines";
}

// Digits come with the subject, not with the style: a mixture of them is no finding.
void report_mixture(const std::string& lang, const Style& style, Findings& findings) {
  for (const Feature feature : {kCapitals, kPunctuation}) {
    const Share& share = style[feature];
    const std::int64_t odd = std::min(share.with, share.lines - share.with);
    if (share.lines < kFewestLines || odd < kFewestOdd) continue;
    if (static_cast<double>(odd) < kOddShare * static_cast<double>(share.lines)) continue;
    const bool most_have = share.with * 2 > share.lines;
    findings.warning("mixed-style", most_have ? share.first_without : share.first_with,
                     fmt::format("{} of {} {} have {}, {} have none: this is the first of the {}", share.with,
                                 share.lines, name_of(lang), kFeatureNames[feature], share.lines - share.with,
                                 most_have ? "latter" : "former"));
  }
}

void report_difference(const std::string& lang, const Style& ours, const std::string& other_name,
                       const Style& other, Findings& findings) {
  for (std::size_t feature = 0; feature < kFeatures; ++feature) {
    if (ours[feature].lines < kFewestLines || other[feature].lines < kFewestLines) continue;
    if (std::abs(ours[feature].share() - other[feature].share()) <= kDrift) continue;
    findings.warning(
        "style-drift", 0,
        fmt::format("{:.0f} % of its {} have {}, in {} {:.0f} %", 100 * ours[feature].share(), name_of(lang),
                    kFeatureNames[feature], other_name, 100 * other[feature].share()));
  }
}

}  // namespace

void check_style(const CheckInput& input, std::span<CheckedManifest> results) {
  std::vector<std::map<std::string, Style>> styles;
  std::vector<std::string> names;
  for (const auto manifests : {input.manifests, input.held_out}) {
    for (const ManifestText& manifest : manifests) {
      styles.push_back(styles_of(manifest));
      names.push_back(manifest.path.string());
    }
  }
  for (std::size_t which = 0; which < results.size(); ++which) {
    for (const auto& [lang, style] : styles[which]) {
      report_mixture(lang, style, results[which].findings);
      // Every pair once: a checked manifest with the later ones and with those held out.
      for (std::size_t other = which + 1; other < styles.size(); ++other) {
        const auto found = styles[other].find(lang);
        if (found == styles[other].end()) continue;
        report_difference(lang, style, names[other], found->second, results[which].findings);
      }
    }
  }
}

}  // namespace glossa::data
