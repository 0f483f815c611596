// Which of how many processes this one is, by the variables that launchers set: torchrun (RANK, WORLD_SIZE,
// LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT), Slurm's srun (SLURM_PROCID, SLURM_NTASKS,
// SLURM_LOCALID, SLURM_NTASKS_PER_NODE, SLURM_LAUNCH_NODE_IPADDR), Open MPI's mpirun (OMPI_COMM_WORLD_RANK,
// _SIZE, _LOCAL_RANK, _LOCAL_SIZE). No torch.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace glossa::train {

struct RankEnvironment {
  int rank = 0;
  int ranks = 1;
  int local_rank = 0;   // among the processes of this machine: which GPU is this one's
  int local_ranks = 1;  // of this machine; all, where the launcher does not say
  std::string master_address = "127.0.0.1";
  int master_port = 29500;
};

using GetVariable = std::function<std::optional<std::string>(const char* name)>;

// The first launcher whose rank and size are set; one process when there is none. Error kInvalidArgument for
// a variable that is no number, and a rank outside the size.
RankEnvironment rank_environment(const GetVariable& variable);
RankEnvironment rank_environment();  // of this process

}  // namespace glossa::train
