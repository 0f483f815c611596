// f32 on the CPU: hand-written vector kernels and a thread pool. Weights stay where the checkpoint mapped
// them.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace glossa::backend {

// threads: 0 is one per core.
std::shared_ptr<const Backend> make_cpu_backend(int threads);

}  // namespace glossa::backend
