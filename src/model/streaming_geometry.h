// Every number of a streaming schedule, from the model's geometry, an attention context and a mode.
// Source: NeMo ConformerEncoder.setup_streaming_params and CacheAwareStreamingAudioBuffer.
#pragma once

#include "model/model_config.h"

namespace glossa::model {

struct StreamingGeometry {
  int chunk_frames = 0;      // encoder frames per chunk: right + 1 (NeMo: valid_out_len)
  int first_chunk_mels = 0;  // new mel frames of the first chunk
  int chunk_mels = 0;        // new mel frames of each later chunk
  int mel_overlap = 0;  // old mel frames fed again (NeMo: pre_encode_cache_size); 0 when states are cached
  int drop_frames = 0;  // encoder frames lost to that overlap (NeMo: drop_extra_pre_encoded)
  bool overlap_first = false;  // the first chunk, too, is preceded by mel_overlap zero frames (kUniform)
  int min_mels =
      0;  // fewer new mel frames than this at the end of a stream are dropped (after the first chunk)
};

// Error kInvalidArgument when the pair is not usable (model_config.h: is_usable).
StreamingGeometry streaming_geometry(const ModelConfig& config, AttContext context, StreamingMode mode);

}  // namespace glossa::model
