#include "checkpoint/added_language.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "model/prompt_table.h"

namespace glossa::checkpoint {
namespace {

constexpr std::string_view kWeight = "prompt_kernel.0.weight";  // [hidden, d_model + num_prompts]

bool same_code(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

int slot_for(const Checkpoint& base, const NewLanguage& language) {
  const model::PromptConfig& prompt = base.config().prompt;
  if (prompt.num_prompts == 0)
    fail_invalid_argument("{}: it has no language prompt (expected a checkpoint with one)", base.source());
  const bool is_code = !language.code.empty() && language.code.size() <= 32 &&
                       std::isalpha(static_cast<unsigned char>(language.code[0])) &&
                       std::all_of(language.code.begin(), language.code.end(), [](unsigned char c) {
                         return c < 0x80 && (std::isalnum(c) != 0 || c == '-');
                       });
  if (!is_code)
    fail_invalid_argument("'{}' is no code of a language (expected letters, digits and '-', such as cy-GB)",
                          printable(language.code));
  std::set<int> used;
  for (const auto& [code, slot] : prompt.dictionary) {
    used.insert(slot);
    if (same_code(code, language.code))
      fail_invalid_argument("{}: {} is in the prompt dictionary already, slot {}", base.source(), code, slot);
  }
  if (language.slot) {
    if (*language.slot < 0 || *language.slot >= prompt.num_prompts || used.contains(*language.slot)) {
      fail_invalid_argument("prompt slot {} is not free (expected one below {} that no language has)",
                            *language.slot, prompt.num_prompts);
    }
    return *language.slot;
  }
  for (int slot = 0; slot < prompt.num_prompts; ++slot) {
    if (!used.contains(slot)) return slot;
  }
  fail_invalid_argument("{}: all {} prompt slots have a language", base.source(), prompt.num_prompts);
}

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

// Where a mapping of lines as deep as its first one ends; `at` is where that begins.
std::size_t end_of_block(std::string_view yaml, std::size_t at) {
  std::optional<std::size_t> depth;
  std::size_t end = at;  // behind the last entry so far
  while (at < yaml.size()) {
    const std::size_t next = std::min(yaml.find('\n', at), yaml.size() - 1) + 1;
    const std::string_view line = yaml.substr(at, next - at);
    const bool is_blank = line.find_first_not_of(" \r\n") == std::string_view::npos;
    if (!is_blank && indentation(line) < depth.value_or(0)) break;
    if (!is_blank && !depth) depth = indentation(line);
    at = next;
    if (!is_blank) end = at;
  }
  return end;
}

// The text with the new key at the end of every mapping prompt_dictionary: what a language without a region
// means is its first one. What else stands in the text stays as it is.
std::string with_key(std::string yaml, const NewLanguage& language, int slot) {
  constexpr std::string_view kKey = "prompt_dictionary:";
  const std::string entry = fmt::format("'{}': {}", language.code, slot);
  if (!yaml.ends_with('\n')) yaml += '\n';
  for (std::size_t key = yaml.find(kKey); key != std::string::npos; key = yaml.find(kKey, key + 1)) {
    const std::size_t line = key == 0 ? 0 : yaml.rfind('\n', key - 1) + 1;
    if (yaml.find_first_not_of(' ', line) != key) continue;
    const std::size_t value = yaml.find_first_not_of(' ', key + kKey.size());
    if (yaml[value] == '{') {
      const std::size_t close = yaml.find('}', value);
      if (close == std::string::npos) continue;
      const std::size_t last = yaml.find_last_not_of(" \n", close - 1);
      const bool follows = yaml[last] != '{' && yaml[last] != ',';
      yaml.insert(last + 1, (follows ? ", " : " ") + entry);
    } else if (yaml[value] == '\n') {
      const std::size_t first = value + 1;
      const std::size_t end = end_of_block(yaml, first);
      const std::size_t depth = indentation(std::string_view(yaml).substr(first));
      yaml.insert(end, std::string(depth, ' ') + entry + "\n");
    }
  }
  return yaml;
}

class WithLanguage final : public Checkpoint {
 public:
  WithLanguage(std::shared_ptr<const Checkpoint> base, const NewLanguage& language)
      : base_(std::move(base)),
        slot_(slot_for(*base_, language)),
        yaml_(with_key(base_->config_yaml(), language, slot_)),
        config_(parse_model_config(yaml_, base_->source())),
        tensors_(base_->tensors().begin(), base_->tensors().end()),
        fingerprint_(fmt::format("{} with {} as {} in slot {}", base_->fingerprint(), language.code,
                                 language.like, slot_)) {
    auto expected = base_->config().prompt.dictionary;
    expected.emplace_back(language.code, slot_);
    auto found = config_.prompt.dictionary;
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    if (found != expected) {
      fail_bad_input("{}: model_config.yaml: {} cannot be added to the prompt_dictionary as it is written",
                     base_->source(), language.code);
    }
    copy_column(model::PromptTable(base_->config().prompt).slot_of(language.like));
  }

  const std::string& source() const override { return base_->source(); }
  const model::ModelConfig& config() const override { return config_; }
  const std::string& config_yaml() const override { return yaml_; }
  std::span<const std::byte> tokenizer_model() const override { return base_->tokenizer_model(); }
  std::span<const Artifact> artifacts() const override { return base_->artifacts(); }
  std::span<const TensorView> tensors() const override { return tensors_; }
  const TensorView* find(std::string_view name) const override {
    const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                    [&](const TensorView& tensor) { return tensor.name == name; });
    return found == tensors_.end() ? nullptr : &*found;
  }
  void release_pages() const override { base_->release_pages(); }
  std::string fingerprint() const override { return fingerprint_; }

 private:
  void copy_column(int from) {
    const auto weight = std::find_if(tensors_.begin(), tensors_.end(),
                                     [](const TensorView& tensor) { return tensor.name == kWeight; });
    if (weight == tensors_.end() || is_block_format(weight->dtype)) {
      fail_invalid_argument("{}: {} is not there number by number (expected f32, f16 or bf16)", source(),
                            kWeight);
    }
    weight->check();
    const std::size_t size = dtype_size(weight->dtype);
    const auto columns = static_cast<std::size_t>(weight->shape[1]);
    const auto first = static_cast<std::size_t>(config_.encoder.d_model);
    weight_.assign(weight->bytes.begin(), weight->bytes.end());
    for (std::size_t row = 0; row < static_cast<std::size_t>(weight->shape[0]); ++row) {
      std::byte* numbers = weight_.data() + row * columns * size;
      std::memcpy(numbers + (first + static_cast<std::size_t>(slot_)) * size,
                  numbers + (first + static_cast<std::size_t>(from)) * size, size);
    }
    weight->bytes = weight_;
  }

  std::shared_ptr<const Checkpoint> base_;
  int slot_;
  std::string yaml_;
  model::ModelConfig config_;
  std::vector<TensorView> tensors_;
  std::vector<std::byte> weight_;
  std::string fingerprint_;
};

}  // namespace

std::shared_ptr<const Checkpoint> with_language(std::shared_ptr<const Checkpoint> base,
                                                const NewLanguage& language) {
  return std::make_shared<const WithLanguage>(std::move(base), language);
}

}  // namespace glossa::checkpoint
