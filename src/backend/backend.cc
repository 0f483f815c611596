#include "backend/backend.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/fail.h"

namespace glossa::backend {

std::shared_ptr<const Backend> make_backend(const std::string& name, int threads) {
  if (name == "cpu") return make_cpu_backend(threads);
  if (name == "reference") return make_reference_backend();
  fail_invalid_argument("backend '{}' does not exist (expected cpu or reference)", name);
}

float tsallis_confidence(double sum_of_powers, std::int64_t classes) {
  const double rest = 1.0 - kTsallisAlpha;
  const double lowest = std::exp((1.0 - std::pow(static_cast<double>(classes), rest)) / rest);
  const double confidence = (std::exp((1.0 - sum_of_powers) / rest) - lowest) / (1.0 - lowest);
  return static_cast<float>(std::clamp(confidence, 0.0, 1.0));
}

}  // namespace glossa::backend
