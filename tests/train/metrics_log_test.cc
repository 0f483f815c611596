// Oracles: the file formats, read back by a small reader of their own; crc32c's published check value.
#include "train/metrics_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "support/files.h"
#include "support/message_of.h"

namespace glossa::train {
namespace {

using ::testing::HasSubstr;

TEST(MetricsLog, WritesOneObjectPerLine) {
  const testing::TemporaryFolder folder;
  MetricsLog log(folder / "run/metrics.jsonl", 0);
  log.write(1, {{"loss", 2.5}, {"lr", 1e-4}, {"skipped", 3}});
  log.write(2, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(testing::read_bytes(folder / "run/metrics.jsonl"),  // while it is open: nothing waits in a buffer
            "{\"step\":1,\"loss\":2.5,\"lr\":0.0001,\"skipped\":3}\n{\"step\":2,\"loss\":null}\n");
}

TEST(MetricsLog, ResumingDropsLaterSteps) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  {
    MetricsLog log(path, 0);
    for (const int step : {1, 2, 3, 4}) log.write(step, {{"loss", step}});
  }
  std::ofstream(path, std::ios::app) << "{\"step\":5,\"lo";  // the run was killed here
  {
    MetricsLog log(path, 3);
    log.write(3, {{"loss", 30}});
  }
  EXPECT_EQ(testing::read_bytes(path),
            "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2}\n{\"step\":3,\"loss\":30}\n");
}

TEST(MetricsLog, ACutLineAloneIsDropped) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  std::ofstream(path) << "{\"step\":1}\n{\"step\":2,";
  MetricsLog(path, 100).write(100, {});
  EXPECT_EQ(testing::read_bytes(path), "{\"step\":1}\n{\"step\":100}\n");
}

TEST(MetricsLog, RefusesAnotherFile) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "notes.txt";
  std::ofstream(path) << "{\"step\":1}\nmy notes\n";
  EXPECT_THAT(testing::message_of([&] { MetricsLog(path, 2); }), HasSubstr("notes.txt:2"));
  EXPECT_THAT(testing::read_bytes(path), HasSubstr("my notes"));
}

TEST(Crc32c, HasThePublishedCheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
}

// A reader of protobuf's wire format: field number -> values, nested messages as bytes.
struct Field {
  std::uint64_t number = 0;  // varint and fixed
  std::string bytes;
};
using Message = std::multimap<int, Field>;

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t byte = 0; byte < size; ++byte) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes.at(at + byte))} << (8 * byte);
  }
  return value;
}

std::uint64_t read_varint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(at++));
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
}

Message read_message(const std::string& bytes) {
  Message message;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint64_t key = read_varint(bytes, at);
    Field field;
    switch (key & 7) {
      case 0:
        field.number = read_varint(bytes, at);
        break;
      case 1:
        field.number = number_at(bytes, at, 8);
        at += 8;
        break;
      case 2: {
        const std::size_t size = read_varint(bytes, at);
        field.bytes = bytes.substr(at, size);
        EXPECT_EQ(field.bytes.size(), size);
        at += size;
        break;
      }
      case 5:
        field.number = number_at(bytes, at, 4);
        at += 4;
        break;
      default:
        ADD_FAILURE() << "wire type " << (key & 7);
        return message;
    }
    message.emplace(static_cast<int>(key >> 3), field);
  }
  return message;
}

const Field& only(const Message& message, int number) {
  EXPECT_EQ(message.count(number), 1U) << "field " << number;
  static const Field kNone;
  return message.count(number) == 1 ? message.find(number)->second : kNone;
}

double as_double(std::uint64_t bits) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float as_float(std::uint64_t bits) {
  const auto low = static_cast<std::uint32_t>(bits);
  float value = 0;
  std::memcpy(&value, &low, sizeof(value));
  return value;
}

std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

std::vector<Message> read_events(const std::filesystem::path& path) {
  const std::string bytes = testing::read_bytes(path);
  std::vector<Message> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = number_at(bytes, at, 8);
    EXPECT_EQ(number_at(bytes, at + 8, 4), masked(bytes.substr(at, 8)));
    const std::string data = bytes.substr(at + 12, size);
    EXPECT_EQ(number_at(bytes, at + 12 + size, 4), masked(data));
    events.push_back(read_message(data));
    at += 16 + size;
  }
  return events;
}

TEST(TensorBoardLog, WritesWhatTensorBoardReads) {
  const testing::TemporaryFolder folder;
  TensorBoardLog log(folder / "tb", 0, 1700000000.5);
  EXPECT_THAT(log.path().filename().string(), ::testing::StartsWith("events.out.tfevents.1700000000."));
  log.write_scalars(300, {{"loss", 1.25}, {"val_wer/de-DE", -0.5}}, 1700000001.0);
  log.write_text(301, "sample", "reference\nhypothesis", 1700000002.0);
  const auto events = read_events(log.path());
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(as_double(only(events[0], 1).number), 1700000000.5);
  EXPECT_EQ(only(events[0], 3).bytes, "brain.Event:2");

  EXPECT_EQ(as_double(only(events[1], 1).number), 1700000001.0);
  EXPECT_EQ(only(events[1], 2).number, 300U);
  const Message summary = read_message(only(events[1], 5).bytes);
  ASSERT_EQ(summary.count(1), 2U);
  const Message loss = read_message(summary.begin()->second.bytes);
  EXPECT_EQ(only(loss, 1).bytes, "loss");
  EXPECT_EQ(as_float(only(loss, 2).number), 1.25F);
  const Message wer = read_message(std::next(summary.begin())->second.bytes);
  EXPECT_EQ(only(wer, 1).bytes, "val_wer/de-DE");
  EXPECT_EQ(as_float(only(wer, 2).number), -0.5F);

  const Message text = read_message(only(read_message(only(events[2], 5).bytes), 1).bytes);
  EXPECT_EQ(only(text, 1).bytes, "sample");
  const Message tensor = read_message(only(text, 8).bytes);
  EXPECT_EQ(only(tensor, 1).number, 7U);  // DT_STRING
  EXPECT_EQ(only(tensor, 8).bytes, "reference\nhypothesis");
  const Message plugin = read_message(only(read_message(only(text, 9).bytes), 1).bytes);
  EXPECT_EQ(only(plugin, 1).bytes, "text");
}

TEST(TensorBoardLog, ResumingStartsASession) {
  const testing::TemporaryFolder folder;
  const TensorBoardLog first(folder / "tb", 0, 1700000000);
  const TensorBoardLog second(folder / "tb", 120, 1700000000);
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(read_events(first.path()).size(), 1U);
  const auto events = read_events(second.path());
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(only(events[1], 2).number, 120U);
  EXPECT_EQ(only(read_message(only(events[1], 7).bytes), 1).number, 1U);  // SessionLog.START
}

}  // namespace
}  // namespace glossa::train
