#include "train/distributed/rank_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "support/message_of.h"

namespace glossa::train {
namespace {

RankEnvironment environment_of(const std::map<std::string, std::string>& variables) {
  return rank_environment([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(RankEnvironment, OneProcessWithoutALauncher) {
  const RankEnvironment environment = environment_of({});
  EXPECT_EQ(environment.rank, 0);
  EXPECT_EQ(environment.ranks, 1);
}

TEST(RankEnvironment, Torchrun) {
  const RankEnvironment environment = environment_of({{"RANK", "3"},
                                                      {"WORLD_SIZE", "8"},
                                                      {"LOCAL_RANK", "1"},
                                                      {"LOCAL_WORLD_SIZE", "2"},
                                                      {"MASTER_ADDR", "node7"},
                                                      {"MASTER_PORT", "1234"}});
  EXPECT_EQ(environment.rank, 3);
  EXPECT_EQ(environment.ranks, 8);
  EXPECT_EQ(environment.local_rank, 1);
  EXPECT_EQ(environment.local_ranks, 2);
  EXPECT_EQ(environment.master_address, "node7");
  EXPECT_EQ(environment.master_port, 1234);
}

TEST(RankEnvironment, SlurmAndMpi) {
  const RankEnvironment slurm = environment_of({{"SLURM_PROCID", "1"},
                                                {"SLURM_NTASKS", "4"},
                                                {"SLURM_LOCALID", "0"},
                                                {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.9"}});
  EXPECT_EQ(slurm.rank, 1);
  EXPECT_EQ(slurm.ranks, 4);
  EXPECT_EQ(slurm.local_rank, 0);
  EXPECT_EQ(slurm.master_address, "10.0.0.9");
  const RankEnvironment mpi = environment_of({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "3"}});
  EXPECT_EQ(mpi.rank, 2);
  EXPECT_EQ(mpi.ranks, 3);
  EXPECT_EQ(mpi.local_ranks, 3) << "nobody says how many are here";
}

TEST(RankEnvironment, NamesTheVariableThatIsWrong) {
  for (const auto& [rank, what] :
       std::map<std::string, std::string>{{"two", "two"}, {"-1", "-1"}, {"2", "2"}}) {
    EXPECT_THAT(testing::message_of(
                    [&] {
                      environment_of({{"RANK", rank}, {"WORLD_SIZE", "2"}});
                    },
                    ErrorCode::kInvalidArgument),
                ::testing::AllOf(::testing::HasSubstr("RANK"), ::testing::HasSubstr(what)));
  }
}

}  // namespace
}  // namespace glossa::train
