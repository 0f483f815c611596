// Looking at the inside of a step: `glossa dump` and the parity tests see every stage without the engine
// knowing them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "backend/matrix.h"
#include "glossa/recognizer.hpp"

namespace glossa::engine {

// Called for each stage of a step and each stream of the batch that has rows in it, in the order of the
// journey:
//   "mel" [new mel frames, mels], "subsampling" [frames, d_model], "layer.0" .. [frames, d_model],
//   "encoder" [frames, d_model] (the last layer again), "prompt" [frames, d_model] when the checkpoint has a
//   prompt, "joint.enc" [frames, joint hidden].
// Of a stream with a draft both searches are shown. `stream` is the index into the streams given to
// decode_with_tap(). The rows are valid during the call only.
using StageTap =
    std::function<void(std::string_view stage, std::size_t stream, backend::Matrix<const float> rows)>;

// As recognizer.decode(streams). The recogniser must be one made by Recognizer::load().
void decode_with_tap(const Recognizer& recognizer, std::span<Stream* const> streams, const StageTap& tap);

}  // namespace glossa::engine
