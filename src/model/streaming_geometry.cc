#include "model/streaming_geometry.h"

#include "base/fail.h"
#include "model/tensor_spec.h"

namespace glossa::model {

StreamingGeometry streaming_geometry(const ModelConfig& config, AttContext context, StreamingMode mode) {
  constexpr int kMaxContext = 4096;  // 5.5 minutes: keeps every product below in range
  const int chunk = context.right + 1;
  if (context.left < 0 || context.right < 0 || context.left > kMaxContext || context.right > kMaxContext ||
      context.left % chunk != 0) {
    fail_invalid_argument(
        "att_context_size [{},{}] cannot be used (expected [left,right] with left a multiple of right + 1, both from 0 "
        "to {})",
        context.left, context.right, kMaxContext);
  }
  const int factor = config.encoder.subsampling_factor;
  StreamingGeometry geometry;
  geometry.chunk_frames = chunk;
  geometry.left_chunks = context.left / chunk;
  geometry.left_frames = context.left;
  geometry.first_chunk_mels = 1 + factor * context.right;
  geometry.chunk_mels = factor * chunk;
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

std::int64_t encoder_frames(const EncoderConfig& encoder, std::int64_t mels) {
  const int strides = stride_2_layers(encoder);
  for (int layer = 0; layer < strides; ++layer) mels = mels / 2 + 1;
  return mels;
}

}  // namespace glossa::model
