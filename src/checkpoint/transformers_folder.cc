#include "checkpoint/transformers_folder.h"

#include <utility>

#include "base/fail.h"
#include "checkpoint/transformers_layout.h"

namespace glossa::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestText = 16 << 20;  // a tokenizer.json of 13,000 pieces has 2 MB
constexpr const char* kTexts[] = {kConfigFile, kProcessorFile, kPreprocessorFile, kTokenizerFile,
                                  kSentencePieceFile};

// What cannot be looked at is there: whoever opens it says why it cannot be read.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) || error;
}

std::string read_text(const fs::path& path, const std::string& source) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > kLongestText) {
    fail_bad_input("{}: {} bytes (expected at most {})", source, bytes.size(), kLongestText);
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

const std::string* TransformersFolder::find(const std::string& file) const {
  const auto found = texts.find(file);
  return found == texts.end() ? nullptr : &found->second;
}

const std::string& TransformersFolder::text(const std::string& file) const {
  const std::string* found = find(file);
  if (found == nullptr) fail_bad_input("{}: no such file", path_of(file));
  return *found;
}

TransformersFolder open_transformers_folder(const fs::path& path, const std::string& source) {
  TransformersFolder folder;
  folder.source = source;
  while (folder.source.size() > 1 && folder.source.ends_with('/')) folder.source.pop_back();
  if (!is_there(path / kConfigFile)) {
    fail_bad_input("{}: no {} in this folder (expected a .nemo or .gguf file, or a folder of transformers)",
                   folder.source, kConfigFile);
  }
  for (const char* file : kTexts) {
    if (is_there(path / file)) folder.texts.emplace(file, read_text(path / file, folder.path_of(file)));
  }
  if (!is_there(path / kWeightsFile)) {
    const bool in_parts = is_there(path / (std::string(kWeightsFile) + ".index.json"));
    fail_bad_input("{}: no such file{}", folder.path_of(kWeightsFile),
                   in_parts ? " (the weights are in several: save them with a larger max_shard_size)" : "");
  }
  folder.mapped = std::make_shared<const MappedFile>(path / kWeightsFile);
  folder.weights = folder.mapped->bytes();
  return folder;
}

std::vector<fs::path> checkpoint_files(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<fs::path> files{path / kWeightsFile};
  for (const char* file : kTexts) {
    if (is_there(path / file)) files.push_back(path / file);
  }
  return files;
}

}  // namespace glossa::checkpoint
