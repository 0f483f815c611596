#include "train/checkpoint_store.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/fail.h"
#include "base/log.h"
#include "checkpoint/archive_writer.h"
#include "text/json_text.h"

namespace glossa::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kPrefix = "step-";
constexpr const char* kScores = "scores.json";
constexpr const char* kState = ".state";

std::optional<std::int64_t> step_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  if (!stem.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = stem.data() + stem.size();
  const auto [rest, error] = std::from_chars(stem.data() + kPrefix.size(), end, step);
  if (error != std::errc() || rest != end) return std::nullopt;
  return step;
}

// Steps of which the folder has a file with that extension.
std::set<std::int64_t> steps_with(const fs::path& folder, const std::string& extension) {
  std::set<std::int64_t> steps;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != extension) continue;
    if (const auto step = step_of(entry.path())) steps.insert(*step);
  }
  return steps;
}

fs::path state_file(const fs::path& folder, std::int64_t step) {
  return folder / fmt::format("{}{:08}{}", kPrefix, step, kState);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, int best_kept, const checkpoint::Checkpoint& base)
    : folder_(std::move(folder)), best_kept_(best_kept), base_(base) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (!fs::is_directory(folder_)) {
    fail_bad_input("{}: cannot be made (expected a folder for checkpoints): {}", folder_.string(),
                   error.message());
  }
  std::ifstream file(folder_ / kScores);
  if (!file) return;
  try {
    for (const auto& entry : json::parse(file))
      scores_[entry.at("step").get<std::int64_t>()] = entry.at("score").get<double>();
  } catch (const json::exception& problem) {
    fail_bad_input("{}: not a list of steps and scores: {}", (folder_ / kScores).string(), problem.what());
  }
}

std::optional<fs::file_time_type> CheckpointStore::last_saved(const fs::path& folder) {
  std::optional<fs::file_time_type> newest;
  if (!fs::is_directory(folder)) return newest;
  for (const std::int64_t step : steps_with(folder, kState)) {
    std::error_code error;
    const auto time = fs::last_write_time(state_file(folder, step), error);
    if (!error) newest = std::max(newest.value_or(time), time);
  }
  return newest;
}

fs::path CheckpointStore::model_path(std::int64_t step) const {
  return folder_ / fmt::format("{}{:08}.nemo", kPrefix, step);
}

fs::path CheckpointStore::state_path(std::int64_t step) const { return state_file(folder_, step); }

SavedStep CheckpointStore::save(std::int64_t step, const StateDict& weights, const StateDict& optimizer,
                                const Metadata& metadata) {
  SavedStep saved{step, model_path(step), state_path(step)};
  write_nemo(saved.model, base_, weights);
  try {
    write_tensor_file(saved.state, optimizer, metadata);
  } catch (...) {
    std::error_code ignored;
    fs::remove(saved.model, ignored);  // the room is the next step's
    throw;
  }
  prune();
  return saved;
}

bool CheckpointStore::is_empty() const {
  return scores_.empty() && steps_with(folder_, ".nemo").empty() && steps_with(folder_, kState).empty();
}

std::optional<SavedStep> CheckpointStore::newest() const {
  const std::set<std::int64_t> steps = steps_with(folder_, kState);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (fs::is_regular_file(model_path(*step))) return SavedStep{*step, model_path(*step), state_path(*step)};
  }
  return std::nullopt;
}

void CheckpointStore::score(std::int64_t step, double score) {
  if (!std::isfinite(score)) score = 1e9;  // JSON knows no infinity
  scores_[step] = score;
  write_scores();
  prune();
}

std::vector<std::int64_t> CheckpointStore::best() const {
  const std::set<std::int64_t> present = steps_with(folder_, ".nemo");
  std::vector<std::pair<double, std::int64_t>> order;
  for (const auto& [step, score] : scores_) {
    if (present.contains(step)) order.emplace_back(score, step);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> steps;
  for (const auto& [score, step] : order) steps.push_back(step);
  return steps;
}

void CheckpointStore::remove_half_written() const { checkpoint::AtomicFile::remove_half_written(folder_); }

void CheckpointStore::forget_after(std::int64_t step) {
  scores_.erase(scores_.upper_bound(step), scores_.end());
  for (const char* extension : {".state", ".nemo"}) {
    for (const std::int64_t later : steps_with(folder_, extension)) {
      if (later > step) fs::remove(extension == std::string(".nemo") ? model_path(later) : state_path(later));
    }
  }
  write_scores();
}

void CheckpointStore::write_scores() const {
  json list = json::array();
  for (const auto& [step, score] : scores_) list.push_back({{"step", step}, {"score", score}});
  checkpoint::AtomicFile file(folder_ / kScores);
  file.write(text::json_text(list, 1));
  file.commit();
}

void CheckpointStore::prune() {
  const std::optional<SavedStep> last = newest();
  std::vector<std::int64_t> kept = best();
  if (static_cast<int>(kept.size()) > best_kept_) kept.resize(static_cast<std::size_t>(best_kept_));
  const auto remove = [](const fs::path& path) {
    std::error_code error;
    if (!fs::remove(path, error) && error)
      log::warning(fmt::format("{}: cannot be removed: {}", path.string(), error.message()));
  };
  for (const std::int64_t step : steps_with(folder_, ".nemo")) {
    const bool is_last = last && step >= last->step;
    if (!is_last && std::find(kept.begin(), kept.end(), step) == kept.end()) remove(model_path(step));
  }
  for (const std::int64_t step : steps_with(folder_, kState)) {
    if (last && step < last->step) remove(state_path(step));
  }
}

}  // namespace glossa::train
