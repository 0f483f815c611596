// The fused RNN-T loss, forward and backward: time beside the floor of its matrix products, memory at its
// peak, and the same beside whole logits (linear, log_softmax, loss). Joint of the 600M model: 640 hidden
// units.
//   rnnt_loss_bench [table] [naive] [large]    (nothing: all)
// Floor: the operations of the matrix products that were computed (forward all nodes; backward logits again,
// weight and hidden gradients for the nodes with an occupancy) at the speed of the largest square product
// measured in this run.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include "base/process_memory.h"
#include "train/loss/rnnt_loss.h"
#include "train/loss/rnnt_loss_internal.h"

namespace {

using torch::Tensor;
namespace train = glossa::train;

constexpr std::int64_t kHidden = 640;
constexpr int kThreads = 2;
constexpr double kMebibyte = 1 << 20;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double best_of(int runs, const std::function<void()>& work) {
  double best = seconds_of(work);
  for (int run = 1; run < runs; ++run) best = std::min(best, seconds_of(work));
  return best;
}

// Peak of resident memory while `work` runs, above what was resident before.
double peak_mb(const std::function<void()>& work) {
  malloc_trim(0);
  glossa::forget_peak_memory();
  const double before = glossa::process_memory().resident;
  work();
  return (glossa::peak_memory() - before) / kMebibyte;
}

double product_peak() {
  const Tensor a = torch::randn({3072, 3072});
  const Tensor b = torch::randn({3072, 3072});
  Tensor c = torch::empty({3072, 3072});
  return 2.0 * 3072 * 3072 * 3072 / best_of(8, [&] { at::mm_out(c, a, b); });
}

struct Problem {
  std::int64_t batch, frames, labels, classes;
  Tensor encoder, predictor, weight, bias, targets, frame_lengths, label_lengths;

  Problem(std::int64_t b, std::int64_t t, std::int64_t u, std::int64_t v)
      : batch(b), frames(t), labels(u), classes(v) {
    torch::manual_seed(1);
    encoder = torch::randn({b, t, kHidden}).requires_grad_();
    predictor = torch::randn({b, u + 1, kHidden}).requires_grad_();
    weight = (torch::randn({v, kHidden}) / 25).requires_grad_();
    bias = torch::zeros({v}).requires_grad_();
    targets = torch::randint(0, v - 1, {b, u}, torch::kLong);
    frame_lengths = torch::full({b}, t, torch::kLong);
    label_lengths = torch::full({b}, u, torch::kLong);
  }
  std::vector<Tensor> inputs() const { return {encoder, predictor, weight, bias}; }
  std::string name() const { return fmt::format("{:2} {:4} {:4} {:6}", batch, frames, labels, classes); }
  double product() const {  // operations of one matrix product
    return 2.0 * static_cast<double>(batch * frames * (labels + 1) * classes * kHidden);
  }
  void fused() const {
    const Tensor losses =
        train::rnnt_joint_loss(encoder, predictor, weight, bias, targets, frame_lengths, label_lengths, {});
    torch::autograd::grad({losses.mean()}, inputs());
  }
  void naive() const {
    const Tensor hidden = torch::relu(encoder.unsqueeze(2) + predictor.unsqueeze(1));
    const Tensor log_probs = (torch::matmul(hidden, weight.t()) + bias).log_softmax(-1);
    const Tensor losses = train::rnnt_loss(log_probs, targets, frame_lengths, label_lengths, {});
    torch::autograd::grad({losses.mean()}, inputs());
  }
};

double backward_share() {
  const auto& internals = train::rnnt_loss_internals();
  return static_cast<double>(internals.backward_nodes) / static_cast<double>(internals.nodes);
}

void print_fused(const Problem& problem, double peak, int runs) {
  double seconds = 0;
  const double memory = peak_mb([&] { seconds = best_of(runs, [&] { problem.fused(); }); });
  const double share = backward_share();
  const double floor = problem.product() * (1 + 3 * share) / peak;
  fmt::print(
      "{}  {:8.3f} s  floor {:8.3f} s  x{:5.2f}  all nodes' floor {:8.3f} s  backward nodes {:3.0f} %  "
      "peak +{:5.0f} MB  (logits {:6.0f} MB)\n",
      problem.name(), seconds, floor, seconds / floor, problem.product() * 4 / peak, share * 100, memory,
      problem.product() / kHidden * 2 / 1e6);
  std::fflush(stdout);
}

void print_naive(const Problem& problem, double peak) {
  problem.fused();
  double fused = 1e9, every_node = 1e9, naive = 1e9;
  const double negligible = train::rnnt_loss_internals().negligible_occupancy;
  for (int run = 0; run < 5; ++run) {  // in turns, as the machine may be busy
    fused = std::min(fused, seconds_of([&] { problem.fused(); }));
    train::rnnt_loss_internals().negligible_occupancy = 0;
    every_node = std::min(every_node, seconds_of([&] { problem.fused(); }));
    train::rnnt_loss_internals().negligible_occupancy = negligible;
    naive = std::min(naive, seconds_of([&] { problem.naive(); }));
  }
  problem.fused();
  const double share = backward_share();
  const double naive_mb = peak_mb([&] { problem.naive(); });
  const double fused_mb = peak_mb([&] { problem.fused(); });
  fmt::print(
      "{}  fused {:7.3f} s +{:4.0f} MB (backward nodes {:3.0f} %)  fused, every node {:7.3f} s  naive "
      "{:7.3f} s "
      "+{:5.0f} MB  naive/fused {:4.2f}  3 products {:7.3f} s\n",
      problem.name(), fused, fused_mb, share * 100, every_node, naive, naive_mb, naive / fused,
      3 * problem.product() / peak);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(kThreads);
  const auto wanted = [&](const std::string& section) {
    return argc == 1 || std::find(argv + 1, argv + argc, section) != argv + argc;
  };
  const double peak = product_peak();
  fmt::print("{} threads, f32 product {:.0f} GFLOP/s\n B    T    U      V\n", kThreads, peak / 1e9);
  if (wanted("table")) {
    for (const std::int64_t classes : {1024, 13088})
      for (const auto& [batch, frames, labels] :
           {std::tuple{1, 50, 20}, std::tuple{4, 50, 20}, std::tuple{1, 200, 60}})
        print_fused(Problem(batch, frames, labels, classes), peak, 3);
  }
  if (wanted("naive")) {
    for (const auto& [batch, frames, labels, classes] :
         {std::tuple{4, 20, 8, 1024}, std::tuple{4, 60, 25, 1024}, std::tuple{4, 125, 40, 1024},
          std::tuple{1, 20, 8, 13088}, std::tuple{2, 60, 25, 13088}, std::tuple{2, 100, 40, 13088}})
      print_naive(Problem(batch, frames, labels, classes), peak);
  }
  if (wanted("large")) print_fused(Problem(8, 250, 120, 13088), peak, 1);
}
