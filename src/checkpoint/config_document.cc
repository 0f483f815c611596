#include "checkpoint/config_document.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"

namespace glossa::checkpoint {
namespace {

// yaml-cpp takes hundreds of bytes for each of the text. The published model's has 0.3 MB: 13,000 pieces.
constexpr std::size_t kLargestYaml = std::size_t{2} << 20;
constexpr int kMostInterpolations = 1'000;  // of one document
constexpr int kDeepestInterpolation = 32;

bool is_missing(const YAML::Node& node) {
  return !node.IsDefined() || node.IsNull() || (node.IsScalar() && node.Scalar() == "???");
}

// mapping[key] of yaml-cpp compares converted keys and throws for odd ones; this looks at plain scalars only.
YAML::Node lookup(const YAML::Node& mapping, std::string_view key) {
  if (mapping.IsDefined() && mapping.IsMap()) {
    for (const auto& entry : mapping) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

}  // namespace

ConfigDocument::ConfigDocument(const std::string& yaml, std::string source) : source_(std::move(source)) {
  if (yaml.size() > kLargestYaml) {
    fail_bad_input("{}: the configuration has {} bytes (expected at most {})", source_, yaml.size(),
                   kLargestYaml);
  }
  try {
    file_.reset(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    fail_bad_input("{}: not valid YAML: line {}: {}", source_, error.mark.line + 1, error.msg);
  }
  if (!file_.IsMap()) fail_bad_input("{}: not a model configuration (expected a YAML mapping)", source_);
  const YAML::Node wrapped = lookup(file_, "model");
  model_.reset(wrapped.IsDefined() && wrapped.IsMap() && !lookup(file_, "encoder").IsDefined() ? wrapped
                                                                                               : file_);
}

ConfigSection ConfigDocument::root() const { return {*this, model_, ""}; }

YAML::Node ConfigDocument::child(const YAML::Node& mapping, std::string_view key,
                                 const std::string& where) const {
  return resolve(lookup(mapping, key), where);
}

YAML::Node ConfigDocument::find_path(YAML::Node from, std::string_view path, const std::string& where) const {
  YAML::Node node;
  node.reset(from);
  while (node.IsDefined()) {
    const std::size_t dot = path.find('.');
    node.reset(child(node, path.substr(0, dot), where));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return node;
}

// Hand-made configs write ${model.encoder.d_model} whether or not the file has the "model:" wrapper.
YAML::Node ConfigDocument::target_of(std::string_view path, const std::string& where) const {
  constexpr std::string_view kWrapper = "model.";
  for (const YAML::Node& from : {file_, model_}) {
    const YAML::Node found = find_path(from, path, where);
    if (found.IsDefined()) return found;
    if (path.starts_with(kWrapper)) {
      const YAML::Node unwrapped = find_path(from, path.substr(kWrapper.size()), where);
      if (unwrapped.IsDefined()) return unwrapped;
    }
  }
  fail_bad_input("{}: {} refers to ${{{}}}, which the configuration does not have", source_, where,
                 printable(path));
}

YAML::Node ConfigDocument::resolve(YAML::Node node, const std::string& where) const {
  if (!node.IsDefined() || !node.IsScalar() || !node.Scalar().starts_with("${")) return node;
  const std::string_view text = node.Scalar();
  const std::string_view path = text.substr(2, text.size() - 3);
  if (!text.ends_with('}') || path.empty() || path.find_first_of("${}:") != std::string_view::npos ||
      path.starts_with('.')) {
    fail_bad_input("{}: {} is '{}' (expected a value, or one reference of the form ${{a.b.c}})", source_,
                   where, printable(text));
  }
  if (++interpolations_ > kMostInterpolations || depth_ >= kDeepestInterpolation) {
    fail_bad_input("{}: {}: the references ${{...}} form a cycle or are nested too deep", source_, where);
  }
  ++depth_;
  const YAML::Node target = target_of(path, where);
  --depth_;
  return target;
}

ConfigSection::ConfigSection(const ConfigDocument& document, YAML::Node node, std::string path)
    : document_(document), path_(std::move(path)) {
  node_.reset(node);
}

std::string ConfigSection::name(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::optional<YAML::Node> ConfigSection::value(std::string_view key) const {
  const YAML::Node own = document_.child(node_, key, name(key));
  if (!is_missing(own)) return own;
  const YAML::Node params = document_.child(node_, "params", name("params"));
  const YAML::Node nested = document_.child(params, key, name(key));
  if (!is_missing(nested)) return nested;
  return std::nullopt;
}

bool ConfigSection::mentions(std::string_view key) const {
  return lookup(node_, key).IsDefined() ||
         lookup(document_.child(node_, "params", name("params")), key).IsDefined();
}

ConfigSection ConfigSection::section(std::string_view key) const {
  const auto found = value(key);
  if (!found) return {document_, YAML::Node(YAML::NodeType::Undefined), name(key)};
  if (!found->IsMap()) fail(key, "a mapping");
  return {document_, *found, name(key)};
}

ConfigSection ConfigSection::required_section(std::string_view key) const {
  ConfigSection result = section(key);
  if (!result.exists())
    fail_bad_input("{}: the configuration has no section '{}'", document_.source(), name(key));
  return result;
}

int ConfigSection::integer(std::string_view key) const {
  constexpr std::string_view kExpected = "a whole number";
  const auto found = value(key);
  int result = 0;
  if (!found || !found->IsScalar() || !YAML::convert<int>::decode(*found, result)) fail(key, kExpected);
  return result;
}

int ConfigSection::integer_or(std::string_view key, int fallback) const {
  return has(key) ? integer(key) : fallback;
}

double ConfigSection::number(std::string_view key) const {
  const auto found = value(key);
  double result = 0;
  if (!found || !found->IsScalar() || !YAML::convert<double>::decode(*found, result) ||
      !std::isfinite(result)) {
    fail(key, "a number");
  }
  return result;
}

bool ConfigSection::boolean_or(std::string_view key, bool fallback) const {
  const auto found = value(key);
  if (!found) return fallback;
  bool result = false;
  if (!found->IsScalar() || !YAML::convert<bool>::decode(*found, result)) fail(key, "true or false");
  return result;
}

std::optional<std::string> ConfigSection::text(std::string_view key) const {
  const auto found = value(key);
  if (!found) return std::nullopt;
  if (!found->IsScalar()) fail(key, "a single value");
  return found->Scalar();
}

std::optional<std::size_t> ConfigSection::list_size(std::string_view key) const {
  const auto found = value(key);
  if (!found) return std::nullopt;
  if (!found->IsSequence()) fail(key, "a list");
  return found->size();
}

void ConfigSection::expect_text(std::string_view key, std::string_view expected,
                                std::string_view default_value) const {
  const auto found = text(key);
  if (found.value_or(std::string(default_value)) != expected) fail(key, fmt::format("'{}'", expected));
}

void ConfigSection::expect_boolean(std::string_view key, bool expected, bool default_value) const {
  if (boolean_or(key, default_value) != expected) fail(key, expected ? "true" : "false");
}

void ConfigSection::expect_number(std::string_view key, double expected) const {
  if (has(key) && std::abs(number(key) - expected) > 1e-3 * std::abs(expected))
    fail(key, fmt::format("{}", expected));
}

void ConfigSection::expect_null(std::string_view key) const {
  const auto found = value(key);
  if (!found) return;
  if (found->IsScalar() &&
      (found->Scalar() == "None" || found->Scalar() == "none" || found->Scalar().empty()))
    return;
  fail(key, "null");
}

void ConfigSection::fail(std::string_view key, std::string_view expected) const {
  const auto found = value(key);
  if (!found) {
    fail_bad_input("{}: {} is {} (expected {})", document_.source(), name(key),
                   mentions(key) ? "null" : "missing", expected);
  }
  fail_bad_input("{}: {} is {} (expected {})", document_.source(), name(key), shown(*found), expected);
}

std::string ConfigSection::shown(const YAML::Node& node) {
  if (node.IsScalar()) return fmt::format("'{}'", printable(node.Scalar()));
  if (node.IsSequence()) return fmt::format("a list of {}", node.size());
  if (node.IsMap()) return "a mapping";
  return "empty";
}

}  // namespace glossa::checkpoint
