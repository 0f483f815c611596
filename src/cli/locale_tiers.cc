#include "cli/locale_tiers.h"

#include <array>
#include <utility>

namespace glossa::cli {
namespace {

constexpr std::string_view kReady = "transcription-ready";
constexpr std::string_view kBroad = "broad-coverage";
constexpr std::string_view kAdaptable = "adaptation-ready";

// Source: the model card of nvidia/nemotron-3.5-asr-streaming-0.6b (three tiers, 40 locales).
constexpr std::array<std::pair<std::string_view, std::string_view>, 40> kTiers = {{
    {"en-US", kReady},     {"en-GB", kReady},     {"es-US", kReady},     {"es-ES", kReady},
    {"fr-FR", kReady},     {"fr-CA", kReady},     {"it-IT", kReady},     {"pt-BR", kReady},
    {"pt-PT", kReady},     {"nl-NL", kReady},     {"de-DE", kReady},     {"tr-TR", kReady},
    {"ru-RU", kReady},     {"ar-AR", kReady},     {"hi-IN", kReady},     {"ja-JP", kReady},
    {"ko-KR", kReady},     {"vi-VN", kReady},     {"uk-UA", kReady},     {"pl-PL", kBroad},
    {"sv-SE", kBroad},     {"cs-CZ", kBroad},     {"nb-NO", kBroad},     {"da-DK", kBroad},
    {"bg-BG", kBroad},     {"fi-FI", kBroad},     {"hr-HR", kBroad},     {"sk-SK", kBroad},
    {"zh-CN", kBroad},     {"hu-HU", kBroad},     {"ro-RO", kBroad},     {"et-EE", kBroad},
    {"el-GR", kAdaptable}, {"lt-LT", kAdaptable}, {"lv-LV", kAdaptable}, {"mt-MT", kAdaptable},
    {"sl-SI", kAdaptable}, {"he-IL", kAdaptable}, {"th-TH", kAdaptable}, {"nn-NO", kAdaptable},
}};

}  // namespace

std::string_view locale_tier(std::string_view locale) {
  for (const auto& [known, tier] : kTiers) {
    if (known == locale) return tier;
  }
  return {};
}

}  // namespace glossa::cli
