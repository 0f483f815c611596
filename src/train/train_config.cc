#include "train/train_config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "train/config_tree.h"
#include "train/nemo_keys.h"
#include "train/train_config_fields.h"

namespace glossa::train {
namespace {

using Values = std::map<std::string, YAML::Node>;

// Turns the node of a key into a member; fails with a sentence.
class FieldReader {
 public:
  FieldReader(const Values& values, const std::string& source) : values_(values), source_(source) {}

  // null and NeMo's "???" leave the default.
  template <class Member>
  void operator()(const std::string& key, Member& member) {
    const auto found = values_.find(key);
    if (found == values_.end() || found->second.IsNull()) return;
    if (found->second.IsScalar() && found->second.Scalar() == "???") return;
    key_ = &key;
    node_ = &found->second;
    read(found->second, member);
  }

  // null takes an optional's value away.
  template <class T>
  void operator()(const std::string& key, std::optional<T>& member) {
    const auto found = values_.find(key);
    if (found != values_.end() && found->second.IsNull()) member.reset();
    T value{};
    const bool present = found != values_.end() && !found->second.IsNull() &&
                         !(found->second.IsScalar() && found->second.Scalar() == "???");
    (*this)(key, value);
    if (present) member = value;
  }

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    fail_bad_input("{}: {} is {} (expected {})", source_, *key_, printable(flow_style(*node_)), expected);
  }

  void read(const YAML::Node& node, bool& value) const {
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) fail("true or false");
  }
  void read(const YAML::Node& node, double& value) const {
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || std::isnan(value))
      fail("a number");
  }
  // 2e5 counts as a whole number.
  template <class Integer>
  void read_integer(const YAML::Node& node, Integer& value) const {
    if (node.IsScalar() && YAML::convert<Integer>::decode(node, value) && node.Scalar()[0] != '-') return;
    double number = 0;
    constexpr double kLargestExact = 0x1p53;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, number) || number != std::floor(number) ||
        std::abs(number) > kLargestExact ||
        number > static_cast<double>(std::numeric_limits<Integer>::max()) ||
        number < static_cast<double>(std::numeric_limits<Integer>::lowest())) {
      fail("a whole number");
    }
    value = static_cast<Integer>(number);
  }
  void read(const YAML::Node& node, int& value) const { read_integer(node, value); }
  void read(const YAML::Node& node, std::int64_t& value) const { read_integer(node, value); }
  void read(const YAML::Node& node, std::uint64_t& value) const { read_integer(node, value); }
  void read(const YAML::Node& node, std::string& value) const {
    if (!node.IsScalar()) fail("a text");
    value = node.Scalar();
  }
  void read(const YAML::Node& node, ScheduleKind& value) const {
    if (!node.IsScalar()) fail("the name of a schedule");
    try {
      value = schedule_kind(node.Scalar());
    } catch (const Error& error) {
      fail_bad_input("{}: {}: {}", source_, *key_, error.what());
    }
  }
  void read(const YAML::Node& node, AppendLangTag& value) const {
    if (!node.IsScalar()) fail("none, utterance or sentence");
    try {
      value = append_lang_tag(node.Scalar());
    } catch (const Error& error) {
      fail_bad_input("{}: {}: {}", source_, *key_, error.what());
    }
  }
  void read(const YAML::Node& node, Precision& value) const {
    const std::string name = node.IsScalar() ? node.Scalar() : "";
    if (name == "32" || name == "32-true")
      value = Precision::kF32;
    else if (name == "bf16" || name == "bf16-mixed")
      value = Precision::kBF16Mixed;
    else
      fail("32 or bf16-mixed");
  }
  void read(const YAML::Node& node, Accelerator& value) const {
    const std::string name = node.IsScalar() ? node.Scalar() : "";
    if (name == "auto")
      value = Accelerator::kAuto;
    else if (name == "cpu")
      value = Accelerator::kCpu;
    else if (name == "gpu" || name == "cuda")
      value = Accelerator::kGpu;
    else
      fail("auto, cpu or gpu");
  }
  void read(const YAML::Node& node, TimeWidth& value) const {
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value.value)) {
      fail("a whole number of frames, or a fraction of the length such as 0.05");
    }
    value.is_fraction = node.Scalar().find_first_of(".eE") != std::string::npos;
  }
  void read(const YAML::Node& node, YamlText& value) const {
    if (node.IsMap()) fail("a list of data sets, or the path of a file that holds one");
    value.text = node.IsScalar() ? node.Scalar() : flow_style(node);
  }
  void read(const YAML::Node& node, AttContext& value) const {
    if (!node.IsSequence() || node.size() != 2) fail("[left, right] or a list of such pairs");
    read(node[0], value.left);
    read(node[1], value.right);
  }
  void read(const YAML::Node& node, Range& value) const {
    if (!node.IsSequence() || node.size() != 2) fail("[low, high]");
    read(node[0], value.low);
    read(node[1], value.high);
  }
  void read(const YAML::Node& node, std::array<double, 2>& value) const {
    if (!node.IsSequence() || node.size() != 2) fail("two numbers");
    read(node[0], value[0]);
    read(node[1], value[1]);
  }
  // "path", ["path"] or ["path", weight].
  void read(const YAML::Node& node, WeightedPath& value) const {
    if (node.IsScalar()) {
      value = {node.Scalar(), {}};
      return;
    }
    if (!node.IsSequence() || node.size() < 1 || node.size() > 2 || !node[0].IsScalar()) {
      fail("a path, or a list of paths and [path, weight] pairs");
    }
    value = {node[0].Scalar(), {}};
    if (node.size() == 1) return;
    double weight = 0;
    read(node[1], weight);
    value.weight = weight;
  }
  template <class T>
  void read(const YAML::Node& node, std::vector<T>& values) const {
    values.clear();
    if (!node.IsSequence() || is_one_pair(node, values)) {
      read(node, values.emplace_back());
      return;
    }
    for (const auto& item : node) read(item, values.emplace_back());
  }
  // att_context_size: [56, 3] alone is one pair.
  static bool is_one_pair(const YAML::Node& node, const std::vector<AttContext>&) {
    return node.size() == 2 && node[0].IsScalar() && node[1].IsScalar();
  }
  template <class T>
  static bool is_one_pair(const YAML::Node&, const std::vector<T>&) {
    return false;
  }

  const Values& values_;
  const std::string& source_;
  const std::string* key_ = nullptr;
  const YAML::Node* node_ = nullptr;
};

// Keys whose value glossa only checks.
struct FixedKey {
  const char* key;
  std::vector<const char*> allowed;
};

const std::vector<FixedKey>& fixed_keys() {
  static const std::vector<FixedKey> kKeys = {
      {"model.optim.name", {"adamw"}},
      {"model.loss.loss_name", {"default", "warprnnt_numba"}},
      {"model.rnnt_reduction", {"mean_batch"}},
      {"exp_manager.checkpoint_callback_params.monitor", {"val_wer"}},
      {"exp_manager.checkpoint_callback_params.mode", {"min"}},
  };
  return kKeys;
}

std::vector<std::string> used_keys() {
  std::vector<std::string> keys;
  TrainConfig config;
  const auto collect = [&keys](const std::string& key, const auto&) { keys.push_back(key); };
  visit_fields(config, collect);
  for (const auto& fixed : fixed_keys()) keys.emplace_back(fixed.key);
  return keys;
}

// Walks a resolved tree: values of keys in use, and warnings or errors for others.
class KeySorter {
 public:
  explicit KeySorter(const ConfigTree& tree) : tree_(tree), used_(used_keys()) {
    std::sort(used_.begin(), used_.end());
    walk(tree.root(), "");
    if (ignored_.empty()) return;
    for (const auto& [reason, keys] : ignored_) {
      std::string list;
      for (const auto& key : keys) list += (list.empty() ? "" : ", ") + key;
      warnings_.push_back(fmt::format("{}: not used: {} ({})", tree.source(), list, reason));
    }
  }

  const Values& values() const { return values_; }
  std::vector<std::string>& warnings() { return warnings_; }

 private:
  bool is_section(const std::string& path) const {
    const std::string prefix = path + ".";
    const auto next = std::lower_bound(used_.begin(), used_.end(), prefix);
    return next != used_.end() && next->starts_with(prefix);
  }

  void walk(const YAML::Node& mapping, const std::string& path) {
    for (const auto& entry : mapping) {
      const std::string key = path.empty() ? entry.first.Scalar() : path + "." + entry.first.Scalar();
      if (std::binary_search(used_.begin(), used_.end(), key)) {
        values_[key] = entry.second;
      } else if (const auto reason = reason_unused(key)) {
        const bool is_empty =
            entry.second.IsNull() || (entry.second.IsSequence() && entry.second.size() == 0);
        if (!reason->empty() && !is_empty) ignored_[std::string(*reason)].push_back(key);
      } else if (entry.second.IsMap() && (is_section(key) || is_unused_section(key, entry.second))) {
        walk(entry.second, key);
      } else if (!(entry.second.IsNull() && is_section(key))) {
        fail_bad_input("{}: {} is no key of a training configuration (nearest: {})", tree_.source(),
                       printable(key), nearest_key(key, used_));
      }
    }
  }

  // A section of NeMo's of which glossa uses nothing, listed key by key.
  static bool is_unused_section(const std::string& path, const YAML::Node& mapping) {
    return std::any_of(mapping.begin(), mapping.end(), [&](const auto& entry) {
      return reason_unused(path + "." + entry.first.Scalar()).has_value();
    });
  }

  const ConfigTree& tree_;
  std::vector<std::string> used_;
  Values values_;
  std::map<std::string, std::vector<std::string>> ignored_;
  std::vector<std::string> warnings_;
};

// "path", or NeMo's {any name: {path: ..., include: ..., exclude: ...}}.
void simplify_base_model(ConfigTree& tree) {
  const YAML::Node base = tree.find("init_from_nemo_model");
  if (!base.IsMap()) return;
  if (base.size() != 1 || !base.begin()->second.IsMap() || base.begin()->second.size() != 1 ||
      !base.begin()->second["path"].IsDefined()) {
    fail_bad_input(
        "{}: init_from_nemo_model is {} (expected one model, whole: include and exclude are not done)",
        tree.source(), printable(flow_style(base)));
  }
  tree.set("init_from_nemo_model", YAML::Clone(base.begin()->second["path"]));
}

// Lightning's fraction of an epoch: of limit_train_batches batches, as data are endless.
void simplify_val_check_interval(ConfigTree& tree) {
  constexpr const char* kKey = "trainer.val_check_interval";
  const YAML::Node interval = tree.find(kKey);
  double value = 0;
  if (!interval.IsScalar() || interval.Scalar().find_first_of(".") == std::string::npos ||
      !YAML::convert<double>::decode(interval, value) || value > 1) {
    return;
  }
  const YAML::Node batches = tree.find("trainer.limit_train_batches");
  double count = 0;
  if (!batches.IsScalar() || !YAML::convert<double>::decode(batches, count) || count < 2) {
    fail_bad_input(
        "{}: {} is {} (expected a whole number of steps; a fraction needs a whole number of "
        "trainer.limit_train_batches)",
        tree.source(), kKey, interval.Scalar());
  }
  double accumulated = 1;
  const YAML::Node accumulate = tree.find("trainer.accumulate_grad_batches");
  if (accumulate.IsScalar()) YAML::convert<double>::decode(accumulate, accumulated);
  const double steps = std::max(1.0, std::floor(value * count / std::max(1.0, accumulated)));
  tree.set(kKey, YAML::Node(static_cast<std::int64_t>(steps)));
}

bool is_null_section(const ConfigTree& tree, const char* section, const char* key) {
  const YAML::Node outer = tree.find(section);  // const: [] does not make keys
  return outer.IsMap() && outer[key].IsDefined() && outer[key].IsNull();
}

void simplify_devices(ConfigTree& tree) {
  const YAML::Node devices = tree.find("trainer.devices");
  if (devices.IsScalar() && devices.Scalar() == "auto") tree.set("trainer.devices", YAML::Node(-1));
}

void expect_fixed(const Values& values, const std::string& source) {
  for (const auto& [key, allowed] : fixed_keys()) {
    const auto found = values.find(key);
    if (found == values.end() || found->second.IsNull()) continue;
    const std::string value = found->second.IsScalar() ? found->second.Scalar() : flow_style(found->second);
    const bool is_allowed =
        std::any_of(allowed.begin(), allowed.end(), [&](const char* name) { return value == name; });
    if (!is_allowed) {
      fail_bad_input("{}: {} is {} (expected {}, the only one glossa has)", source, key, printable(value),
                     allowed[0]);
    }
  }
}

}  // namespace

ParsedTrainConfig parse_train_config(const std::string& yaml, const std::string& source,
                                     const std::vector<std::string>& overrides) {
  ConfigTree tree(yaml, source);
  for (const auto& text : overrides) tree.apply(text);
  std::vector<std::string> missing;
  tree.resolve(missing);
  simplify_base_model(tree);
  simplify_val_check_interval(tree);
  simplify_devices(tree);
  KeySorter sorted(tree);
  expect_fixed(sorted.values(), source);

  ParsedTrainConfig parsed;
  parsed.warnings = std::move(sorted.warnings());
  for (const auto& reference : missing) {
    parsed.warnings.push_back(
        fmt::format("{}: {} is not in this configuration; taken as null", source, reference));
  }
  TrainConfig& config = parsed.config;
  FieldReader reader(sorted.values(), source);
  visit_fields(config, reader);
  if (is_null_section(tree, "model", "spec_augment")) {  // NeMo: no SpecAugment
    config.spec_augment.freq_masks = 0;
    config.spec_augment.time_masks = 0;
  }
  if (config.lora.rank > 0 && config.learning_rate_scales.encoder < 1) {
    parsed.warnings.push_back(fmt::format(
        "{}: glossa.lora.rank is {} and glossa.learning_rate_scales.encoder {}: factors begin at nothing and "
        "want the whole rate",
        source, config.lora.rank, config.learning_rate_scales.encoder));
  }
  ScheduleConfig& sched = config.optim.sched;
  const bool needs_max_steps = sched.kind != ScheduleKind::kConstant &&
                               (sched.kind != ScheduleKind::kNoamAnnealing || sched.warmup_ratio);
  if (needs_max_steps && !sched.max_steps && config.trainer.max_steps > 0) {
    sched.max_steps = config.trainer.max_steps;
  }
  if (sched.max_steps && *sched.max_steps != config.trainer.max_steps) {
    parsed.warnings.push_back(fmt::format("{}: model.optim.sched.max_steps is {} but trainer.max_steps is {}",
                                          source, *sched.max_steps, config.trainer.max_steps));
  }
  if (config.trainer.val_check_interval == 0 && config.trainer.max_steps > 0) {
    config.trainer.val_check_interval = std::min<std::int64_t>(config.trainer.max_steps, 1000);
  }
  check(config, source);
  return parsed;
}

}  // namespace glossa::train
