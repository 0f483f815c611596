// Naive loops, one thread, sums in double precision: the oracle of every other backend.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace glossa::backend {

std::shared_ptr<const Backend> make_reference_backend();

}  // namespace glossa::backend
