// Oracles: NeMo's schedulers (cases/train/schedulers.json), and the formulas at hand-picked steps.
#include "train/optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "glossa/error.hpp"
#include "support/golden.h"
#include "support/message_of.h"

namespace glossa::train {
namespace {

using nlohmann::json;

template <class T>
void read(const json& args, const char* key, std::optional<T>& value) {
  if (args.contains(key) && !args[key].is_null()) value = args[key].get<T>();
}

TEST(Schedule, EqualsNeMo) {
  std::ifstream file(testing::golden_dir() / "cases/train/schedulers.json");
  const json golden = json::parse(file);
  ASSERT_GE(golden["runs"].size(), 7U);
  for (const auto& run : golden["runs"]) {
    const json& args = run["args"];
    ScheduleConfig config{.kind = schedule_kind(run["name"].get<std::string>())};
    read(args, "warmup_steps", config.warmup_steps);
    read(args, "warmup_ratio", config.warmup_ratio);
    read(args, "constant_steps", config.constant_steps);
    read(args, "max_steps", config.max_steps);
    read(args, "d_model", config.d_model);
    config.min_lr = args.value("min_lr", 0.0);
    config.power = args.value("power", 1.0);
    const Schedule schedule(config, run["base_lr"].get<double>());
    const auto expected = run["lr"].get<std::vector<double>>();
    for (std::size_t step = 0; step < expected.size(); ++step) {
      ASSERT_NEAR(schedule.lr(static_cast<std::int64_t>(step)), expected[step], 1e-12 * expected[step])
          << run["name"] << " " << args << " step " << step;
    }
  }
}

TEST(Schedule, ConstantIsConstant) {
  const Schedule schedule({.kind = ScheduleKind::kConstant}, 5e-4);
  for (const std::int64_t step : {0, 1, 1'000'000}) EXPECT_EQ(schedule.lr(step), 5e-4);
}

// By hand: (step + 1) / (warmup + 1) of the rate.
TEST(Schedule, WarmsUpThenHolds) {
  const Schedule schedule({.kind = ScheduleKind::kWarmupPolicy, .warmup_ratio = 0.1, .max_steps = 100}, 1.0);
  EXPECT_EQ(schedule.warmup_steps(), 10);
  EXPECT_DOUBLE_EQ(schedule.lr(0), 1.0 / 11);
  EXPECT_DOUBLE_EQ(schedule.lr(10), 1.0);
  EXPECT_DOUBLE_EQ(schedule.lr(100), 1.0);
  EXPECT_DOUBLE_EQ(schedule.lr(101), 0.0);
}

TEST(Schedule, NamesAreNeMos) {
  for (const char* name :
       {"CosineAnnealing", "NoamAnnealing", "WarmupPolicy", "PolynomialDecayAnnealing", "constant"}) {
    EXPECT_EQ(name_of(schedule_kind(name)), name);
  }
  EXPECT_THAT(testing::message_of([] { schedule_kind("Cosine"); }, ErrorCode::kInvalidArgument),
              ::testing::HasSubstr("CosineAnnealing"));
}

TEST(Schedule, RefusesContradictions) {
  const ScheduleConfig good{.warmup_steps = 5, .max_steps = 10};
  EXPECT_NO_THROW(Schedule(good, 1e-4));
  const auto refuse = [&](auto change, double lr = 1e-4) {
    ScheduleConfig config = good;
    change(config);
    EXPECT_THROW(Schedule(config, lr), Error);
  };
  refuse([](ScheduleConfig& config) { config.warmup_steps = 11; });
  refuse([](ScheduleConfig& config) { config.warmup_steps = -1; });
  refuse([](ScheduleConfig& config) { config.warmup_ratio = 0.5; });
  refuse([](ScheduleConfig& config) { config.max_steps.reset(); });
  refuse([](ScheduleConfig& config) { config.min_lr = 1; });
  refuse([](ScheduleConfig& config) { config.kind = ScheduleKind::kNoamAnnealing; });
  refuse([](ScheduleConfig&) {}, -1.0);
  refuse([](ScheduleConfig&) {}, std::nan(""));
}

// Warm-up to the very end is legal and divides by nothing.
TEST(Schedule, SurvivesWarmupOfTheWholeRun) {
  for (const auto kind : {ScheduleKind::kCosineAnnealing, ScheduleKind::kPolynomialDecayAnnealing}) {
    const Schedule schedule({.kind = kind, .warmup_steps = 10, .min_lr = 0.1, .max_steps = 10}, 1.0);
    EXPECT_EQ(schedule.lr(10), 1.0);
    EXPECT_EQ(schedule.lr(11), 0.1);
  }
}

}  // namespace
}  // namespace glossa::train
