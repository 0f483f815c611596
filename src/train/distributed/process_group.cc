#include "train/distributed/process_group.h"

#include <torch/csrc/distributed/c10d/Types.hpp>
#if __has_include(<gloo/algorithm.h>)
#define GLOSSA_HAS_GLOO 1
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO  // libtorch's header is empty without
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#else
#define GLOSSA_HAS_GLOO 0  // upstream's libtorch does not come with Gloo's headers
#endif

#include "base/fail.h"

namespace glossa::train {
#if GLOSSA_HAS_GLOO
namespace {

// Longer than any validation of the first process that the others wait for.
constexpr std::chrono::hours kLongestWait{24};

bool is_local(const std::string& address) { return address == "127.0.0.1" || address == "localhost"; }

}  // namespace

class ProcessGroup::Impl {
 public:
  Impl(const RankEnvironment& environment, std::chrono::seconds patience) {
    c10d::TCPStoreOptions store_options;
    store_options.port = static_cast<std::uint16_t>(environment.master_port);
    store_options.isServer = environment.rank == 0;
    store_options.numWorkers = static_cast<std::size_t>(environment.ranks);
    store_options.timeout = patience;
    auto store = c10::make_intrusive<c10d::TCPStore>(environment.master_address, store_options);
    auto options = c10d::ProcessGroupGloo::Options::create(kLongestWait);
    options->devices.push_back(is_local(environment.master_address)
                                   ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                   : c10d::ProcessGroupGloo::createDefaultDevice());
    gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(std::move(store), environment.rank, environment.ranks,
                                                        std::move(options));
  }

  void reduce(torch::Tensor values, c10d::ReduceOp::RedOpType how) {
    std::vector<torch::Tensor> one = {std::move(values)};
    c10d::AllreduceOptions options;
    options.reduceOp = how;
    gloo_->allreduce(one, options)->wait();
  }

  void broadcast(torch::Tensor values) {
    std::vector<torch::Tensor> one = {std::move(values)};
    gloo_->broadcast(one)->wait();
  }

  void barrier() { gloo_->barrier()->wait(); }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
};
#else
class ProcessGroup::Impl {
 public:
  Impl(const RankEnvironment&, std::chrono::seconds) {
    fail_invalid_argument("this build trains with one process (expected Gloo's headers beside libtorch's)");
  }
  void reduce(const torch::Tensor&, c10d::ReduceOp::RedOpType) {}
  void broadcast(const torch::Tensor&) {}
  void barrier() {}
};
#endif

ProcessGroup::ProcessGroup(const RankEnvironment& environment, std::chrono::seconds patience)
    : environment_(environment) {
  if (environment.ranks == 1) return;
  try {
    impl_ = std::make_unique<Impl>(environment, patience);
  } catch (const std::exception& error) {
    fail_invalid_argument("process {} of {} did not meet the others at {}:{} (MASTER_ADDR, MASTER_PORT): {}",
                          environment.rank, environment.ranks, environment.master_address,
                          environment.master_port, error.what());
  }
}

ProcessGroup::~ProcessGroup() = default;

namespace {

torch::Tensor flat_copy(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& tensor : tensors)
    flat.push_back(tensor.detach().to(torch::kCPU, torch::kFloat32).reshape({-1}));
  return torch::cat(flat);
}

void copy_back(const torch::Tensor& flat, std::vector<torch::Tensor>& tensors) {
  const torch::NoGradGuard no_grad;
  std::int64_t at = 0;
  for (torch::Tensor& tensor : tensors) {
    tensor.copy_(flat.slice(0, at, at + tensor.numel()).reshape(tensor.sizes()));
    at += tensor.numel();
  }
}

}  // namespace

void ProcessGroup::average(std::vector<torch::Tensor>& tensors) {
  if (!impl_ || tensors.empty()) return;
  torch::Tensor flat = flat_copy(tensors);
  impl_->reduce(flat, c10d::ReduceOp::SUM);
  flat.div_(ranks());
  copy_back(flat, tensors);
}

double ProcessGroup::sum(double value) {
  if (!impl_) return value;
  torch::Tensor all = torch::full({1}, value, torch::kFloat64);
  impl_->reduce(all, c10d::ReduceOp::SUM);
  return all.item<double>();
}

double ProcessGroup::largest(double value) {
  if (!impl_) return value;
  torch::Tensor all = torch::full({1}, value, torch::kFloat64);
  impl_->reduce(all, c10d::ReduceOp::MAX);
  return all.item<double>();
}

std::string ProcessGroup::broadcast(const std::string& text) {
  if (!impl_) return text;
  const auto size = static_cast<std::int64_t>(sum(is_first() ? static_cast<double>(text.size()) : 0));
  torch::Tensor letters = torch::zeros({size});
  if (is_first()) {
    for (std::int64_t at = 0; at < size; ++at)
      letters[at] = static_cast<unsigned char>(text[static_cast<std::size_t>(at)]);
  }
  impl_->broadcast(letters);
  std::string heard;
  for (std::int64_t at = 0; at < size; ++at) heard += static_cast<char>(letters[at].item<float>());
  return heard;
}

void ProcessGroup::barrier() {
  if (impl_) impl_->barrier();
}

}  // namespace glossa::train
