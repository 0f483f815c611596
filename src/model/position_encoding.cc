#include "model/position_encoding.h"

#include <cmath>

namespace glossa::model {

void encode_position(std::int64_t position, int d_model, float* row) {
  for (int pair = 0; pair < d_model; pair += 2) {
    // The products are rounded to f32 as in NeMo's table.
    const float frequency =
        std::exp(static_cast<float>(pair) * static_cast<float>(-(std::log(10000.0) / d_model)));
    const float angle = static_cast<float>(position) * frequency;
    row[pair] = std::sin(angle);
    if (pair + 1 < d_model) row[pair + 1] = std::cos(angle);
  }
}

}  // namespace glossa::model
