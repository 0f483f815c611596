// What a check of manifests finds, and what may be done about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glossa::data {

// Errors would break a training run or spoil what it learns or measures; warnings deserve a look.
enum class Severity { kWarning, kError };

struct Finding {
  std::string kind;  // "missing-audio"; docs/data.md explains all of them
  Severity severity = Severity::kWarning;
  std::string manifest;
  int line = 0;  // 1-based; 0: of the whole manifest
  std::string message;
  bool fixable = false;  // an error that a rewritten line does not have
};

// A value of a line that a clean manifest has otherwise.
struct Edit {
  std::string key;
  std::string json;
};

struct LineVerdict {
  bool unusable = false;  // has an error that no edit removes
  std::vector<Edit> edits;
};

// Collects the findings of one manifest.
class Findings {
 public:
  Findings(std::string manifest, std::size_t lines) : manifest_(std::move(manifest)), verdicts_(lines) {}

  // `index`: of the line in ManifestText::lines; `line`: its number in the file.
  void error(std::string_view kind, std::size_t index, int line, std::string message) {
    verdicts_[index].unusable = true;
    add(kind, Severity::kError, line, std::move(message), false);
  }
  void fixable_error(std::string_view kind, std::size_t index, int line, std::string message, Edit edit) {
    verdicts_[index].edits.push_back(std::move(edit));
    add(kind, Severity::kError, line, std::move(message), true);
  }
  void warning(std::string_view kind, int line, std::string message) {
    add(kind, Severity::kWarning, line, std::move(message), false);
  }
  void fixable_warning(std::string_view kind, std::size_t index, int line, std::string message, Edit edit) {
    verdicts_[index].edits.push_back(std::move(edit));
    add(kind, Severity::kWarning, line, std::move(message), true);
  }
  // Of the manifest as a whole: no line is to blame.
  void manifest_error(std::string_view kind, std::string message) {
    add(kind, Severity::kError, 0, std::move(message), false);
  }

  const std::vector<Finding>& list() const { return findings_; }
  const std::vector<LineVerdict>& verdicts() const { return verdicts_; }

 private:
  void add(std::string_view kind, Severity severity, int line, std::string message, bool fixable) {
    findings_.push_back({std::string(kind), severity, manifest_, line, std::move(message), fixable});
  }

  std::string manifest_;
  std::vector<Finding> findings_;
  std::vector<LineVerdict> verdicts_;
};

}  // namespace glossa::data
