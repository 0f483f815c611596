// The relative-position keys W_pos PE(m) of every layer. They depend on no input, so they are computed once.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backend/backend.h"
#include "glossa/types.hpp"
#include "model/model_config.h"

namespace glossa::engine {

// Each layer's matrix is head by head, [heads, offsets, head size]: row p of a head belongs to the offset
// (query index - key index) max_offset - p.
struct RelativePositions {
  std::int64_t max_offset = 0;
  std::int64_t min_offset = 0;
  std::vector<backend::Buffer> layers;  // each [heads, (max_offset - min_offset + 1) * head size]

  bool covers(AttContext context) const {
    return context.left + context.right <= max_offset && -context.right >= min_offset;
  }
};

// Thread-safe. Grows when a stream asks for a wider context than any before it.
class RelativePositionTable {
 public:
  // `weights`: linear_pos of each layer, which must outlive the table.
  RelativePositionTable(const backend::Backend& backend, int d_model, int heads,
                        std::vector<const backend::PackedWeight*> weights);

  std::shared_ptr<const RelativePositions> covering(AttContext context) const;

 private:
  const backend::Backend& backend_;
  int d_model_;
  int heads_;
  std::vector<const backend::PackedWeight*> weights_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const RelativePositions> current_;
};

}  // namespace glossa::engine
