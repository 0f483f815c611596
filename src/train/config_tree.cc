#include "train/config_tree.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "text/json_text.h"

namespace glossa::train {
namespace {

constexpr std::size_t kLargestYaml = 64 << 20;
constexpr int kDeepest = 64;  // of nesting and of references

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// mapping[key] of yaml-cpp makes keys; this only looks.
YAML::Node child_of(const YAML::Node& mapping, std::string_view key) {
  if (mapping.IsDefined() && mapping.IsMap()) {
    for (const auto& entry : mapping) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

bool is_good_path(std::string_view path) {
  const auto parts = split_path(path);
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.empty() && part.find_first_of(" \t=~+{}[]\"'") == std::string::npos;
  });
}

// OmegaConf's {a:1} has no space behind the colon, which YAML wants.
std::string spaced_colons(std::string_view value) {
  std::string result;
  char quote = 0;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (quote != 0 && c == quote)
      quote = 0;
    else if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    result += c;
    const bool is_url = at + 1 < value.size() && value[at + 1] == '/';
    if (quote == 0 && c == ':' && !is_url) result += ' ';
  }
  return result;
}

YAML::Node override_value(const std::string& text, const std::string& override_text) {
  const std::string_view trimmed =
      std::string_view(text).substr(std::min(text.find_first_not_of(' '), text.size()));
  const bool is_yaml =
      !trimmed.empty() && std::string_view("[{\"'").find(trimmed[0]) != std::string_view::npos;
  if (trimmed.empty() || trimmed == "null") return YAML::Node(YAML::NodeType::Null);
  if (!is_yaml) return YAML::Node(text);
  try {
    return YAML::Load(trimmed[0] == '{' ? spaced_colons(trimmed) : std::string(trimmed));
  } catch (const YAML::Exception& error) {
    fail_bad_input("override '{}': the value is no YAML ({})", printable(override_text), error.msg);
  }
}

bool has_reference(const std::string& text) { return text.find("${") != std::string::npos; }

}  // namespace

ConfigTree::ConfigTree(const std::string& yaml, std::string source) : source_(std::move(source)) {
  if (yaml.size() > kLargestYaml) {
    fail_bad_input("{}: the configuration has {} bytes (expected at most {})", source_, yaml.size(),
                   kLargestYaml);
  }
  try {
    root_.reset(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    fail_bad_input("{}: not YAML ({})", source_, error.what());
  }
  if (root_.IsNull()) root_.reset(YAML::Node(YAML::NodeType::Map));
  if (!root_.IsMap()) fail_bad_input("{}: not a configuration (expected a YAML mapping)", source_);
}

void ConfigTree::apply(const std::string& override_text) {
  std::string_view text = override_text;
  const auto fail = [&](std::string_view expected) {
    fail_bad_input("override '{}' (expected {})", printable(override_text), expected);
  };
  if (text.starts_with('~')) {
    text.remove_prefix(1);
    const std::string_view path = text.substr(0, text.find('='));
    if (!is_good_path(path)) fail("~section.key");
    remove(path);
    return;
  }
  while (text.starts_with('+')) text.remove_prefix(1);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    fail("section.key=value, or ~section.key; an option has one value, and may be given again");
  const std::string_view path = text.substr(0, equals);
  if (!is_good_path(path)) fail("section.key=value");
  set(path, override_value(std::string(text.substr(equals + 1)), override_text));
}

YAML::Node ConfigTree::find(std::string_view path) const {
  YAML::Node node = root_;
  for (const auto& part : split_path(path)) {
    const YAML::Node next = child_of(node, part);
    if (!next.IsDefined()) return YAML::Node(YAML::NodeType::Null);
    node.reset(next);
  }
  return node;
}

void ConfigTree::set(std::string_view path, const YAML::Node& value) {
  const auto parts = split_path(path);
  YAML::Node node = root_;
  for (std::size_t at = 0; at + 1 < parts.size(); ++at) {
    YAML::Node next = child_of(node, parts[at]);
    if (!next.IsDefined() || next.IsNull()) {
      node[parts[at]] = YAML::Node(YAML::NodeType::Map);
      next.reset(child_of(node, parts[at]));
    }
    if (!next.IsMap()) {
      fail_bad_input("{}: cannot set {}, because '{}' is a value (expected a section)", source_, path,
                     parts[at]);
    }
    node.reset(next);
  }
  node[parts.back()] = value;
}

void ConfigTree::remove(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  YAML::Node parent = dot == std::string_view::npos ? root_ : find(path.substr(0, dot));
  if (parent.IsMap()) parent.remove(std::string(path.substr(dot == std::string_view::npos ? 0 : dot + 1)));
}

void ConfigTree::resolve(std::vector<std::string>& missing) {
  missing_ = &missing;
  const YAML::Node result = resolved(root_, "", 0);
  root_.reset(result);
  missing_ = nullptr;
}

YAML::Node ConfigTree::resolved(const YAML::Node& node, const std::string& key, int depth) {
  if (depth > kDeepest)
    fail_bad_input("{}: {} is nested too deep, or refers to itself in a circle", source_, key);
  if (node.IsMap()) {
    YAML::Node copy(YAML::NodeType::Map);
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) fail_bad_input("{}: a key of {} is no text", source_, key);
      const std::string& name = entry.first.Scalar();
      copy.force_insert(name, resolved(entry.second, key.empty() ? name : key + "." + name, depth + 1));
    }
    return copy;
  }
  if (node.IsSequence()) {
    YAML::Node copy(YAML::NodeType::Sequence);
    for (const auto& item : node) copy.push_back(resolved(item, key, depth + 1));
    return copy;
  }
  if (!node.IsScalar() || !has_reference(node.Scalar())) return node;
  std::string text = node.Scalar();
  for (std::size_t begin = text.find("${"); begin != std::string::npos; begin = text.find("${", begin)) {
    const std::size_t end = text.find('}', begin);
    const std::string target =
        end == std::string::npos ? std::string() : text.substr(begin + 2, end - begin - 2);
    if (!is_good_path(target) || target.find(':') != std::string::npos || has_reference(target)) {
      fail_bad_input("{}: {} is '{}' (expected plain references such as ${{model.optim.lr}})", source_, key,
                     printable(node.Scalar()));
    }
    const YAML::Node value = resolved(find(target), target, depth + 1);
    if (value.IsNull()) {
      missing_->push_back(key + ": ${" + target + "}");
      return YAML::Node(YAML::NodeType::Null);
    }
    if (begin == 0 && end + 1 == text.size()) return YAML::Clone(value);
    if (!value.IsScalar()) {
      fail_bad_input("{}: {} is '{}' but {} is no text or number", source_, key, printable(node.Scalar()),
                     target);
    }
    text.replace(begin, end + 1 - begin, value.Scalar());
    begin += value.Scalar().size();
  }
  return YAML::Node(text);
}

std::string yaml_scalar(std::string_view text) {
  const bool is_plain =
      !text.empty() &&
      (std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/' || text[0] == '_') &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("_./-").find(c) != std::string_view::npos;
      });
  static constexpr std::string_view kWords[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool is_word = std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords);
  if (is_plain && !is_word) return std::string(text);
  return text::json_text(nlohmann::json(text));
}

std::string flow_style(const YAML::Node& node) {
  if (node.IsNull() || !node.IsDefined()) return "null";
  if (node.IsScalar()) {
    const bool was_quoted = node.Tag() == "!";
    const std::string& text = node.Scalar();
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789.+-eE") == std::string::npos;
    const std::string scalar = yaml_scalar(text);
    if (was_quoted) return scalar[0] == '"' ? scalar : '"' + scalar + '"';
    const bool is_plain_word =
        !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzTFNY") == std::string::npos;
    return is_number || is_plain_word ? text : scalar;
  }
  std::string text;
  if (node.IsSequence()) {
    for (const auto& item : node) text += (text.empty() ? "" : ", ") + flow_style(item);
    return "[" + text + "]";
  }
  for (const auto& entry : node) {
    text += (text.empty() ? "" : ", ") + flow_style(entry.first) + ": " + flow_style(entry.second);
  }
  return "{" + text + "}";
}

}  // namespace glossa::train
