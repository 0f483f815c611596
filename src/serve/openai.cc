#include "serve/openai.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "text/json_text.h"

namespace glossa::serve {

using json = nlohmann::json;

std::string to_json(const ApiError& error) {
  const json parameter = error.parameter.empty() ? json() : json(error.parameter);
  return text::json_text(json(
      {{"error",
        {{"message", error.message}, {"type", error.type}, {"param", parameter}, {"code", error.code}}}}));
}

void send_error(HttpReply& reply, const ApiError& error) {
  Fields headers;
  if (error.status == 503) headers.emplace_back("Retry-After", "1");
  if (error.status == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
  reply.send(error.status, "application/json", to_json(error), std::move(headers));
}

std::string model_json(const ModelInfo& model) {
  json languages = json::array();
  if (model.has_prompt) languages.push_back({{"code", "auto"}});
  for (const Language& language : model.languages) {
    if (language.code != "auto")
      languages.push_back({{"code", language.code}, {"aliases", language.aliases}});
  }
  std::vector<AttContext> contexts = model.att_contexts;
  std::sort(contexts.begin(), contexts.end(), [](AttContext a, AttContext b) { return a.right < b.right; });
  json latencies = json::array();
  for (const AttContext context : contexts) {
    latencies.push_back({{"milliseconds", std::lround(context.chunk_frames() * model.frame_seconds * 1000)},
                         {"att_context_size", {context.left, context.right}}});
  }
  return text::json_text(json({{"id", model.name},
                               {"object", "model"},
                               {"created", 0},
                               {"owned_by", "glossa"},
                               {"languages", languages},
                               {"latencies", latencies}}));
}

}  // namespace glossa::serve
