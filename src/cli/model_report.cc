#include "cli/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "backend/cpu/kernel_selection.h"
#include "cli/locale_tiers.h"
#include "model/prompt_table.h"
#include "text/sentencepiece.h"

namespace glossa::cli {

std::vector<LanguageReport> report_languages(const checkpoint::Checkpoint& checkpoint) {
  const text::SentencePiece pieces(checkpoint.tokenizer_model(), checkpoint.source());
  std::vector<LanguageReport> reports;
  for (Language& language : model::PromptTable(checkpoint.config().prompt).languages()) {
    LanguageReport report;
    report.tier = locale_tier(language.code);
    report.tag_id = pieces.find("<" + language.code + ">");
    report.language = std::move(language);
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<int> free_prompt_slots(const checkpoint::Checkpoint& checkpoint) {
  const model::PromptConfig& prompt = checkpoint.config().prompt;
  std::set<int> used;
  for (const auto& [language, slot] : prompt.dictionary) used.insert(slot);
  std::vector<int> free;
  for (int slot = 0; slot < prompt.num_prompts; ++slot) {
    if (!used.contains(slot)) free.push_back(slot);
  }
  return free;
}

std::string ranges(const std::vector<int>& ascending) {
  std::string text;
  for (std::size_t first = 0; first < ascending.size();) {
    std::size_t last = first;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text += last == first ? fmt::format("{}", ascending[first])
                          : fmt::format("{}-{}", ascending[first], ascending[last]);
    first = last + 1;
  }
  return text;
}

std::vector<std::pair<std::string, std::int64_t>> count_parameters(const checkpoint::Checkpoint& checkpoint) {
  std::vector<std::pair<std::string, std::int64_t>> parts;
  for (const checkpoint::TensorView& tensor : checkpoint.tensors()) {
    const std::string part = tensor.name.substr(0, tensor.name.find('.'));
    if (part == "preprocessor") continue;
    if (parts.empty() || parts.back().first != part) parts.emplace_back(part, 0);
    parts.back().second += tensor.elements();
  }
  return parts;
}

std::string weight_types(const checkpoint::Checkpoint& checkpoint) {
  std::set<std::string_view> types;
  for (const checkpoint::TensorView& tensor : checkpoint.tensors()) {
    if (!tensor.name.starts_with("preprocessor.")) types.insert(checkpoint::dtype_name(tensor.dtype));
  }
  return fmt::format("{}", fmt::join(types, ", "));
}

double latency_ms(const model::ModelConfig& config, AttContext context) {
  const double frame_ms =
      1000.0 * config.encoder.subsampling_factor * config.features.hop / config.features.sample_rate;
  return context.chunk_frames() * frame_ms;
}

std::vector<std::pair<std::string, std::string>> chosen_kernels() {
  std::vector<std::pair<std::string, std::string>> kernels;
  for (const backend::KernelCell& cell : backend::select_kernels().cells) {
    kernels.emplace_back(cell.operation, cell.chosen);
  }
  return kernels;
}

}  // namespace glossa::cli
