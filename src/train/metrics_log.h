// What a run writes while it trains: metrics.jsonl and TensorBoard event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/appended_file.h"

namespace glossa::train {

// One step's numbers by name, such as {"loss", 1.5}; their order is kept.
using Metrics = std::vector<std::pair<std::string, double>>;

// One JSON object per line: {"step": 12, "loss": ..., ...}. Numbers that are not finite are written as null.
class MetricsLog {
 public:
  // Goes on with a file that is there, without its lines of `first_step` and later, and without a last line
  // that was cut by a killed run. Error kBadInput when the file cannot be written or has a line that is no
  // such object.
  MetricsLog(const std::filesystem::path& path, std::int64_t first_step);

  // As AppendedFile::append().
  void write(std::int64_t step, const Metrics& metrics);

 private:
  AppendedFile file_;
};

// An event file as TensorBoard reads it: TFRecords of Event messages.
class TensorBoardLog {
 public:
  // Makes `folder`/events.out.tfevents.<seconds>.<host>.<process id>. When `first_step` is above 0,
  // TensorBoard is told to forget that step and later ones of earlier files. `now`: seconds since 1970.
  TensorBoardLog(const std::filesystem::path& folder, std::int64_t first_step, double now);

  const std::filesystem::path& path() const { return file_.path(); }

  // As AppendedFile::append().
  void write_scalars(std::int64_t step, const Metrics& scalars, double now);
  void write_text(std::int64_t step, std::string_view tag, std::string_view text, double now);

 private:
  void write_event(std::int64_t step, double now, std::string_view fields);

  AppendedFile file_;
};

// Castagnoli's CRC, as in iSCSI.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace glossa::train
