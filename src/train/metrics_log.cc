#include "train/metrics_log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "text/json_text.h"

namespace glossa::train {
namespace {

namespace fs = std::filesystem;

// Bytes of the lines before the first one of `first_step` or later.
std::uintmax_t size_of_earlier_lines(const fs::path& path, std::int64_t first_step) {
  std::ifstream file(path, std::ios::binary);
  std::uintmax_t kept = 0;
  std::string line;
  for (int number = 1; std::getline(file, line) && !file.eof(); ++number) {  // eof: no newline, a cut line
    const auto object = text::parsed_json(line);
    const auto step = object.is_object() ? object.find("step") : object.end();
    if (!object.is_object() || step == object.end() || !step->is_number_integer()) {
      fail_bad_input("{}:{}: no line of a metrics log (expected a JSON object with a whole number \"step\")",
                     path.string(), number);
    }
    if (step->get<std::int64_t>() >= first_step) break;
    kept += line.size() + 1;
  }
  return kept;
}

// Fields of the messages Event, Summary and what lies below (tensorflow/core/util/event.proto and
// framework/{summary,tensor}.proto).
enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void add_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void add_key(std::string& out, int field, WireType type) {
  add_varint(out, static_cast<std::uint64_t>(field) << 3 | type);
}

template <class Word>
void add_little_endian(std::string& out, Word value) {
  for (std::size_t byte = 0; byte < sizeof(Word); ++byte) out += static_cast<char>(value >> (8 * byte));
}

std::string number_field(int field, std::int64_t value) {
  std::string out;
  add_key(out, field, kVarint);
  add_varint(out, static_cast<std::uint64_t>(value));
  return out;
}

std::string double_field(int field, double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  std::string out;
  add_key(out, field, kFixed64);
  add_little_endian(out, bits);
  return out;
}

std::string float_field(int field, float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  std::string out;
  add_key(out, field, kFixed32);
  add_little_endian(out, bits);
  return out;
}

std::string bytes_field(int field, std::string_view bytes) {
  std::string out;
  add_key(out, field, kBytes);
  add_varint(out, bytes.size());
  return out.append(bytes);
}

constexpr int kEventFileVersion = 3;
constexpr int kEventSummary = 5;
constexpr int kEventSessionLog = 7;

// As TFRecord stores a checksum, so that a checksum of data with checksums stays a good one.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

std::string record(std::string_view data) {
  std::string out;
  add_little_endian(out, static_cast<std::uint64_t>(data.size()));
  add_little_endian(out, masked_crc(out));
  out.append(data);
  add_little_endian(out, masked_crc(data));
  return out;
}

std::string host_name() {
  std::array<char, 256> name = {};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

fs::path without_later_lines(const fs::path& path, std::int64_t first_step) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  if (fs::exists(path)) fs::resize_file(path, size_of_earlier_lines(path, first_step));
  return path;
}

// A name that no file of the folder has.
fs::path event_file(const fs::path& folder, double now) {
  fs::create_directories(folder);
  const std::string name =
      fmt::format("events.out.tfevents.{:010}.{}.{}", static_cast<std::int64_t>(now), host_name(), getpid());
  fs::path path = folder / name;
  for (int again = 1; fs::exists(path); ++again) path = folder / fmt::format("{}.{}", name, again);
  return path;
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& path, std::int64_t first_step)
    : file_(without_later_lines(path, first_step)) {}

void MetricsLog::write(std::int64_t step, const Metrics& metrics) {
  nlohmann::ordered_json line;
  line["step"] = step;
  for (const auto& [name, value] : metrics) {
    // A count reads better without a decimal point.
    constexpr double kLargestCount = 1e15;
    if (!std::isfinite(value))
      line[name] = nullptr;
    else if (value == std::floor(value) && std::abs(value) < kLargestCount)
      line[name] = static_cast<std::int64_t>(value);
    else
      line[name] = value;
  }
  file_.append(text::json_text(line) + "\n");
}

TensorBoardLog::TensorBoardLog(const fs::path& folder, std::int64_t first_step, double now)
    : file_(event_file(folder, now)) {
  write_event(0, now, bytes_field(kEventFileVersion, "brain.Event:2"));
  if (first_step > 0) {
    constexpr int kStatus = 1;
    constexpr int kStart = 1;
    write_event(first_step, now, bytes_field(kEventSessionLog, number_field(kStatus, kStart)));
  }
}

void TensorBoardLog::write_scalars(std::int64_t step, const Metrics& scalars, double now) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  }
  write_event(step, now, bytes_field(kEventSummary, summary));
}

void TensorBoardLog::write_text(std::int64_t step, std::string_view tag, std::string_view text, double now) {
  constexpr int kString = 7;
  const std::string shape = bytes_field(2, number_field(1, 1));  // one dimension of size 1
  const std::string tensor = number_field(1, kString) + bytes_field(2, shape) + bytes_field(8, text);
  const std::string metadata = bytes_field(1, bytes_field(1, "text"));  // the plugin that shows it
  const std::string value = bytes_field(1, tag) + bytes_field(8, tensor) + bytes_field(9, metadata);
  write_event(step, now, bytes_field(kEventSummary, bytes_field(1, value)));
}

void TensorBoardLog::write_event(std::int64_t step, double now, std::string_view fields) {
  const std::string event = double_field(1, now) + number_field(2, step) + std::string(fields);
  file_.append(record(event));
}

std::uint32_t crc32c(std::string_view bytes) {
  static const auto kTable = [] {
    constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reversed
    std::array<std::uint32_t, 256> table = {};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
      std::uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
      table[byte] = value;
    }
    return table;
  }();
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

}  // namespace glossa::train
