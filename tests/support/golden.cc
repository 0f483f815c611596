#include "support/golden.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace glossa::testing {
namespace {

template <class T>
std::vector<float> widen(const char* bytes, std::size_t size) {
  std::vector<float> values(size / sizeof(T));
  for (std::size_t index = 0; index < values.size(); ++index) {
    T value;
    std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
    values[index] = static_cast<float>(value);
  }
  return values;
}

}  // namespace

std::filesystem::path golden_dir() {
  const char* other = std::getenv("GLOSSA_GOLDEN_DIR");
  return other != nullptr ? std::filesystem::path(other) : std::filesystem::path(GLOSSA_TEST_DATA) / "golden";
}

std::filesystem::path golden_model_path(const std::string& name) {
  return golden_dir() / "models" / (name + ".nemo");
}

std::map<std::string, GoldenTensor> read_safetensors(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::uint64_t header_size = 0;
  if (bytes.size() < sizeof(header_size)) throw std::runtime_error(path.string() + ": too short");
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  const auto header = nlohmann::json::parse(bytes.substr(sizeof(header_size), header_size));
  const char* data = bytes.data() + sizeof(header_size) + header_size;
  std::map<std::string, GoldenTensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::size_t begin = entry["data_offsets"][0];
    const std::size_t size = entry["data_offsets"][1].get<std::size_t>() - begin;
    const std::string dtype = entry["dtype"];
    GoldenTensor tensor;
    tensor.shape = entry["shape"].get<std::vector<std::int64_t>>();
    if (dtype == "F32")
      tensor.values = widen<float>(data + begin, size);
    else if (dtype == "F64")
      tensor.values = widen<double>(data + begin, size);
    else if (dtype == "I64")
      tensor.values = widen<std::int64_t>(data + begin, size);
    else if (dtype == "I32")
      tensor.values = widen<std::int32_t>(data + begin, size);
    else if (dtype == "BOOL")
      tensor.values = widen<std::uint8_t>(data + begin, size);
    else
      throw std::runtime_error(path.string() + ": dtype " + dtype);
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

std::vector<std::filesystem::path> list_files(const std::filesystem::path& folder, const std::string& prefix,
                                              const std::string& suffix) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace glossa::testing
