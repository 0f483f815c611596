#include "train/distributed/rank_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/fail.h"

namespace glossa::train {
namespace {

struct Launcher {
  const char* rank;
  const char* ranks;
  const char* local_rank;
  const char* local_ranks;
};

constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"},
};

int number(const GetVariable& variable, const char* name, int fallback) {
  const std::optional<std::string> text = variable(name);
  if (!text) return fallback;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || rest != end || value < 0)
    fail_invalid_argument("{}: expected a number, 0 or more (got {}, from the environment)", name, *text);
  return value;
}

}  // namespace

RankEnvironment rank_environment(const GetVariable& variable) {
  RankEnvironment environment;
  for (const Launcher& launcher : kLaunchers) {
    if (!variable(launcher.rank) || !variable(launcher.ranks)) continue;
    environment.rank = number(variable, launcher.rank, 0);
    environment.ranks = number(variable, launcher.ranks, 1);
    environment.local_rank = number(variable, launcher.local_rank, environment.rank);
    environment.local_ranks = std::max(1, number(variable, launcher.local_ranks, environment.ranks));
    if (environment.rank >= environment.ranks) {
      fail_invalid_argument("{}: expected less than {} (got {}, from the environment)", launcher.rank,
                            environment.ranks, environment.rank);
    }
    break;
  }
  if (const auto address = variable("MASTER_ADDR")) {
    environment.master_address = *address;
  } else if (const auto node = variable("SLURM_LAUNCH_NODE_IPADDR")) {
    environment.master_address = *node;
  }
  environment.master_port = number(variable, "MASTER_PORT", environment.master_port);
  return environment;
}

RankEnvironment rank_environment() {
  return rank_environment([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  });
}

}  // namespace glossa::train
