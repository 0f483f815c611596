// Attention of the CPU backend.
#pragma once

#include <span>

#include "backend/backend.h"
#include "backend/cpu/kernel_table.h"
#include "base/thread_pool.h"

namespace glossa::backend {

// Backend::attention(). Threads share the pairs of streams and heads.
void cpu_attention(const KernelTable& kernels, const ThreadPool& pool,
                   std::span<const AttentionStream> streams, int heads, const float* bias_u,
                   const float* bias_v);

}  // namespace glossa::backend
