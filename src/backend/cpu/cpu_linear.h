// Linear layers of the CPU backend.
#pragma once

#include <span>

#include "backend/backend.h"
#include "backend/cpu/kernel_table.h"
#include "base/thread_pool.h"

namespace glossa::backend {

// Backend::linear(). All threads share the panels of all parts; activations are quantised once.
void cpu_linear(const KernelTable& kernels, const ThreadPool& pool, Matrix<const float> x,
                std::span<const LinearPart> parts);

}  // namespace glossa::backend
