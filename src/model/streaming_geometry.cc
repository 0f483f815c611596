#include "model/streaming_geometry.h"

#include "base/fail.h"

namespace glossa::model {

StreamingGeometry streaming_geometry(const ModelConfig& config, AttContext context, StreamingMode mode) {
  if (!is_usable(context)) {
    fail_invalid_argument(
        "att_context_size [{},{}] cannot be used (expected [left,right] with left a multiple of right + 1, "
        "both from 0 "
        "to {})",
        context.left, context.right, kMostContext);
  }
  const int factor = config.encoder.subsampling_factor;
  StreamingGeometry geometry;
  geometry.chunk_frames = context.chunk_frames();
  geometry.first_chunk_mels = 1 + factor * context.right;
  geometry.chunk_mels = factor * context.chunk_frames();
  geometry.min_mels = 1;
  if (mode == StreamingMode::kNemoBuffer || mode == StreamingMode::kUniform) {
    geometry.mel_overlap = factor + 1;
    geometry.drop_frames = 1 + (geometry.mel_overlap - 1) / factor;
    geometry.min_mels = factor;
  }
  if (mode == StreamingMode::kUniform) {
    geometry.overlap_first = true;
    geometry.first_chunk_mels = geometry.chunk_mels;
  }
  return geometry;
}

}  // namespace glossa::model
