// A GGUF file taken apart and put together again differently: how the tests make broken and foreign files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "support/little_endian.h"

namespace glossa::testing {

inline std::string gguf_string(std::string_view text) {
  return little_endian(text.size(), 8) + std::string(text);
}
inline std::string gguf_u32(std::uint32_t value) { return little_endian(4, 4) + little_endian(value, 4); }
inline std::string gguf_text(std::string_view text) { return little_endian(8, 4) + gguf_string(text); }
inline std::string gguf_texts(const std::vector<std::string>& texts) {
  std::string bytes = little_endian(9, 4) + little_endian(8, 4) + little_endian(texts.size(), 8);
  for (const std::string& text : texts) bytes += gguf_string(text);
  return bytes;
}

struct GgufEdit {
  struct Value {
    std::string key;
    std::string bytes;  // type and value
  };
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims;  // fastest first
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::vector<Value> values;
  std::vector<Tensor> tensors;
  std::string data;

  explicit GgufEdit(const std::string& file) {
    std::size_t at = 8;
    const auto number = [&](int bytes) {
      std::uint64_t value = 0;
      std::memcpy(&value, file.data() + at, static_cast<std::size_t>(bytes));
      at += static_cast<std::size_t>(bytes);
      return value;
    };
    const auto text = [&] {
      const std::size_t size = number(8);
      at += size;
      return file.substr(at - size, size);
    };
    const auto skip = [&](std::uint64_t type) {
      constexpr std::size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
      if (type == 8) {
        text();
      } else {
        at += kSizes[type];
      }
    };
    const std::uint64_t tensor_count = number(8);
    for (std::uint64_t left = number(8); left > 0; --left) {
      Value value{text(), ""};
      const std::size_t begin = at;
      const std::uint64_t type = number(4);
      if (type == 9) {
        const std::uint64_t element = number(4);
        for (std::uint64_t count = number(8); count > 0; --count) skip(element);
      } else {
        skip(type);
      }
      value.bytes = file.substr(begin, at - begin);
      values.push_back(value);
    }
    for (std::uint64_t left = tensor_count; left > 0; --left) {
      Tensor tensor{text(), {}};
      for (std::uint64_t dims = number(4); dims > 0; --dims) tensor.dims.push_back(number(8));
      tensor.type = static_cast<std::uint32_t>(number(4));
      tensor.offset = number(8);
      tensors.push_back(tensor);
    }
    data = file.substr((at + 31) / 32 * 32);
  }

  std::string& value(const std::string& key) { return find(values, &Value::key, key).bytes; }
  Tensor& tensor(const std::string& name) { return find(tensors, &Tensor::name, name); }
  void remove(const std::string& key) {
    std::erase_if(values, [&](const Value& value) { return value.key == key; });
    std::erase_if(tensors, [&](const Tensor& tensor) { return tensor.name == key; });
  }

  std::string file() const {
    std::string out = magic + little_endian(version, 4) + little_endian(tensors.size(), 8) +
                      little_endian(values.size(), 8);
    for (const Value& value : values) out += gguf_string(value.key) + value.bytes;
    for (const Tensor& tensor : tensors) {
      out += gguf_string(tensor.name) + little_endian(tensor.dims.size(), 4);
      for (const std::uint64_t size : tensor.dims) out += little_endian(size, 8);
      out += little_endian(tensor.type, 4) + little_endian(tensor.offset, 8);
    }
    out.resize((out.size() + 31) / 32 * 32, '\0');
    return out + data;
  }

 private:
  template <class T>
  static T& find(std::vector<T>& all, std::string T::*name, const std::string& wanted) {
    return *std::find_if(all.begin(), all.end(), [&](const T& one) { return one.*name == wanted; });
  }
};

}  // namespace glossa::testing
