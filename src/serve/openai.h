// What OpenAI's interfaces have in common: the form of errors and of models.
#pragma once

#include <string>

#include "glossa/types.hpp"
#include "serve/api_error.h"
#include "serve/http.h"

namespace glossa::serve {

// {"error": {...}}
std::string to_json(const ApiError& error);
void send_error(HttpReply& reply, const ApiError& error);

// What GET /v1/models/MODEL answers, and GET /v1/models in its list.
std::string model_json(const ModelInfo& model);

}  // namespace glossa::serve
