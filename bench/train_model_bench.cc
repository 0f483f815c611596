// One forward and backward pass of the model without the loss: train_model_bench MODEL.nemo [THREADS] [CLIPS]
// [SECONDS] [RIGHT]. Milliseconds of the fastest of several passes, and of processor time.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

#include "train/state_dict.h"

int main(int count, char** arguments) {
  using namespace glossa;
  if (count < 2) {
    fmt::print(stderr, "usage: train_model_bench MODEL.nemo [THREADS] [CLIPS] [SECONDS] [RIGHT]\n");
    return 2;
  }
  const auto number = [&](int index, int otherwise) {
    return count > index ? std::stoi(arguments[index]) : otherwise;
  };
  const int threads = number(2, 1);
  const int clips = number(3, 8);
  const int seconds = number(4, 10);
  const AttContext context{56, number(5, 3)};
  at::set_num_threads(threads);
  const auto checkpoint = checkpoint::read_checkpoint(arguments[1]);
  train::AsrModel model(checkpoint->config(), train::DropoutConfig{});
  train::load_checkpoint(model, *checkpoint);
  model->train();
  const torch::Tensor mels = torch::randn({clips, checkpoint->config().features.mels, 100 * seconds + 1});
  const torch::Tensor lengths = torch::full({clips}, 100 * seconds, torch::kLong);
  const torch::Tensor targets =
      torch::randint(checkpoint->config().predictor.vocabulary, {clips, 4 * seconds});
  const torch::Tensor slots = torch::zeros({clips}, torch::kLong);
  double fastest = 1e9;
  double least_cpu = 1e9;
  for (int pass = 0; pass < 6; ++pass) {
    const std::clock_t cpu_begin = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    const auto encoded = model->encoder(mels, lengths, context);
    const auto frames = model->joint_encoder(model->prompt_fusion(encoded.frames, slots));
    const auto states = model->joint_predictor(model->predictor(targets));
    (frames.square().mean() + states.square().mean()).backward();
    const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begin;
    const double cpu = 1e3 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    fastest = std::min(fastest, wall.count());
    least_cpu = std::min(least_cpu, cpu);
    model->zero_grad();
  }
  fmt::print("{} threads, {} clips of {} s, [{}, {}]: {:.0f} ms, {:.0f} ms of processor\n", threads, clips,
             seconds, context.left, context.right, fastest, least_cpu);
}
