// Whole training steps as the trainer takes them, on a batch from a file:
//   training_step_bench MODEL.nemo BATCH THREADS WARM_UP STEPS LEFT RIGHT DROPOUT(0|1)
// Prints as JSON: loss and gradient norm of the first step; milliseconds of each step behind the warm-up, of
// the clock and of the processor; the peak of resident memory. FastEmit and augmentation are off. BATCH: the
// tensors of TrainBatch in the format of train/tensor_file.h; training_step/compare.py writes one.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/freed_memory.h"
#include "train/batch_gradients.h"
#include "train/loss/rnnt_loss.h"
#include "train/nn/dropout.h"
#include "train/optim/adamw.h"
#include "train/tensor_file.h"

namespace {

using namespace glossa;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSeed = 1;

train::TrainBatch read_batch(const std::string& path) {
  const train::StateDict tensors = train::read_tensor_file(path).tensors;
  const auto integers = [&](const char* name) { return tensors.at(name).to(torch::kLong); };
  train::TrainBatch batch;
  batch.mels = tensors.at("mels");
  batch.mel_lengths = integers("mel_lengths");
  batch.targets = integers("targets");
  batch.target_lengths = integers("target_lengths");
  batch.slots = integers("slots");
  batch.seeds.assign(static_cast<std::size_t>(batch.mels.size(0)), kSeed);
  return batch;
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 9) {
    fmt::print(stderr,
               "usage: training_step_bench MODEL.nemo BATCH THREADS WARM_UP STEPS LEFT RIGHT DROPOUT(0|1)\n");
    return 2;
  }
  const auto number = [&](int index) { return std::stoi(arguments[index]); };
  const int threads = number(3);
  const int warm_up = number(4);
  const int steps = number(5);
  const AttContext context{number(6), number(7)};
  keep_freed_memory();
  at::set_num_threads(threads);

  const auto checkpoint = checkpoint::read_checkpoint(arguments[1]);
  const train::TrainBatch batch = read_batch(arguments[2]);
  train::AsrModel model(checkpoint->config(),
                        number(8) ? train::DropoutConfig{} : train::DropoutConfig{0, 0, 0, 0, 0, 0});
  train::load_checkpoint(model, *checkpoint);
  model->train();
  std::vector<train::TrainedParameter> trained;
  std::vector<torch::Tensor> leaves;
  std::int64_t parameters = 0;
  for (const auto& parameter : model->named_parameters()) {
    trained.push_back({parameter.key(), parameter.value()});
    leaves.push_back(parameter.value());
    parameters += parameter->numel();
  }
  train::AdamW optimizer(trained, {});
  train::BatchGradients gradients(leaves, train::shares_for(parameters, threads));

  const auto loss_of = [&](const train::TrainBatch& share, int index) {
    train::seed_dropout(kSeed + static_cast<std::uint64_t>(index));
    const train::EncoderOutput encoded = model->encoder(share.mels, share.mel_lengths, context);
    const torch::Tensor fused = model->prompt_fusion(encoded.frames, share.slots);
    return train::rnnt_joint_loss(
               model->joint_encoder(fused), model->joint_predictor(model->predictor(share.targets)),
               model->joint_weight(), model->joint_bias(), share.targets, encoded.lengths,
               share.target_lengths, {.fastemit_lambda = 0}, model->jointnet_dropout(), kSeed)
        .mean();
  };
  std::vector<double> losses, norms, milliseconds, processor_milliseconds;
  for (int step = 0; step < warm_up + steps; ++step) {
    const Clock::time_point begin = Clock::now();
    const std::clock_t processor_begin = std::clock();
    optimizer.zero_grad();
    losses.push_back(gradients.add(batch, /*weight=*/1, loss_of));
    norms.push_back(train::inspect_gradients(optimizer.parameters()).norm);
    optimizer.step(/*lr=*/1e-5, train::clip_factor(norms.back(), /*max_norm=*/1));
    const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
    const double processor_spent = 1e3 * static_cast<double>(std::clock() - processor_begin) / CLOCKS_PER_SEC;
    if (step < warm_up) continue;
    milliseconds.push_back(spent.count());
    processor_milliseconds.push_back(processor_spent);
  }
  const nlohmann::json report = {{"loss", losses.front()},
                                 {"grad_norm", norms.front()},
                                 {"steps_ms", milliseconds},
                                 {"processor_ms", processor_milliseconds},
                                 {"peak_mb", peak_mb()}};
  fmt::print("{}\n", report.dump());
}
