#include <fmt/format.h>

#include <cmath>

#include "train/config_tree.h"
#include "train/train_config.h"
#include "train/train_config_fields.h"

namespace glossa::train {
namespace {

std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(int value) { return fmt::format("{}", value); }
std::string shown(std::int64_t value) { return fmt::format("{}", value); }
std::string shown(std::uint64_t value) { return fmt::format("{}", value); }
std::string shown(double value) {  // the shortest text that is read back as the same number
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  return fmt::format("{}", value);
}
std::string shown(const std::string& value) { return yaml_scalar(value); }
std::string shown(ScheduleKind value) { return std::string(name_of(value)); }
std::string shown(AppendLangTag value) { return std::string(name_of(value)); }
std::string shown(Precision value) { return value == Precision::kF32 ? "32" : "bf16-mixed"; }
std::string shown(Accelerator value) {
  if (value == Accelerator::kAuto) return "auto";
  return value == Accelerator::kCpu ? "cpu" : "gpu";
}
std::string shown(const TimeWidth& value) {
  const std::string text = shown(value.value);
  const bool reads_as_fraction = text.find_first_of(".e") != std::string::npos;
  return value.is_fraction && !reads_as_fraction ? text + ".0" : text;
}
std::string shown(const YamlText& value) {
  if (value.text.empty()) return "null";
  return value.text.starts_with('[') ? value.text : yaml_scalar(value.text);
}
std::string shown(const AttContext& value) { return fmt::format("[{}, {}]", value.left, value.right); }
std::string shown(const Range& value) { return fmt::format("[{}, {}]", shown(value.low), shown(value.high)); }
std::string shown(const std::array<double, 2>& value) {
  return fmt::format("[{}, {}]", shown(value[0]), shown(value[1]));
}
std::string shown(const WeightedPath& value) {
  const std::string path = yaml_scalar(value.path);
  return value.weight ? fmt::format("[{}, {}]", path, shown(*value.weight)) : path;
}
template <class T>
std::string shown(const std::vector<T>& values) {
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + shown(value);
  return "[" + list + "]";
}
template <class T>
std::string shown(const std::optional<T>& value) {
  return value ? shown(*value) : "null";
}

class YamlWriter {
 public:
  template <class Member>
  void operator()(const std::string& key, const Member& member) {
    std::size_t begin = 0;
    std::size_t depth = 0;
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin), ++depth) {
      const std::string section = key.substr(begin, dot - begin);
      if (depth >= open_.size() || open_[depth] != section) {
        open_.resize(depth);
        open_.push_back(section);
        text_ += fmt::format("{}{}:\n", std::string(2 * depth, ' '), section);
      }
      begin = dot + 1;
    }
    open_.resize(depth);
    text_ += fmt::format("{}{}: {}\n", std::string(2 * depth, ' '), key.substr(begin), shown(member));
  }

  const std::string& text() const { return text_; }

 private:
  std::vector<std::string> open_;  // sections around the last key
  std::string text_;
};

}  // namespace

std::string to_yaml(const TrainConfig& config) {
  YamlWriter writer;
  visit_fields(config, writer);
  return writer.text();
}

}  // namespace glossa::train
