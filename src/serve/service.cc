#include "serve/service.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/printable.h"
#include "serve/api_keys.h"
#include "serve/listen_reply.h"
#include "serve/openai.h"
#include "serve/page_files.h"
#include "serve/realtime.h"
#include "serve/recorded.h"
#include "text/json_text.h"

namespace glossa::serve {
namespace {

using json = nlohmann::json;

constexpr std::string_view kModels = "/v1/models/";
constexpr const char* kPagePolicy = "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'";

// Where clients put their key: `Authorization: Bearer KEY` or `Token KEY` in any case, ?api_key=KEY, and
// browsers, which choose no headers for a WebSocket, `Sec-WebSocket-Protocol: token, KEY` or `...,
// openai-insecure-api-key.KEY`.
std::string key_of(const HttpRequest& request) {
  constexpr std::string_view kOpenAiPrefix = "openai-insecure-api-key.";
  const std::string authorization = request.header("authorization").value_or("");
  for (const std::string_view scheme : {"bearer ", "token "}) {
    if (same_letters(std::string_view(authorization).substr(0, scheme.size()), scheme))
      return authorization.substr(scheme.size());
  }
  const std::vector<std::string> protocols = list_of(request.header("sec-websocket-protocol").value_or(""));
  for (const std::string& protocol : protocols) {
    if (protocol.starts_with(kOpenAiPrefix)) return protocol.substr(kOpenAiPrefix.size());
  }
  if (protocols.size() == 2 && (protocols[0] == "token" || protocols[0] == "bearer")) return protocols[1];
  return request.parameter("api_key").value_or("");
}

// Probes, scrapes and the page's files come all the time.
bool is_routine(const HttpRequest& request) {
  const std::string& path = request.path;
  return request.method == "OPTIONS" ||
         (request.method == "GET" &&
          (path == "/" || path.starts_with("/page/") || path == "/metrics" || path == "/health" ||
           path == "/ready" || path.starts_with("/v1/health/")));
}

void send_page(HttpReply& reply, std::string_view name) {
  const PageFile* file = find_page_file(name);
  if (file == nullptr) return send_error(reply, {404, "invalid_request_error", "not_found", "no such page"});
  reply.send(200, file->content_type, std::string(file->content),
             {{"Content-Security-Policy", kPagePolicy}, {"Cache-Control", "no-cache"}});
}

const ApiError kUnknownKey = {401, "authentication_error", "invalid_api_key",
                              "the API key is missing or unknown"};

}  // namespace

Service::Service(const ServiceOptions& options, Scheduler& scheduler, Metrics& metrics, Worker& worker)
    : options_(options),
      scheduler_(scheduler),
      metrics_(metrics),
      uploads_(scheduler, worker),
      transcriptions_(scheduler, uploads_),
      listen_(scheduler, uploads_, options.live, options.version) {}

bool Service::is_allowed(const HttpRequest& request) const {
  return options_.api_keys.empty() || is_known_key(options_.api_keys, key_of(request));
}

bool Service::takes_body(const HttpRequest& head) const { return head.method == "POST" && is_allowed(head); }

void Service::handle(HttpRequest request, std::shared_ptr<HttpReply> plain) {
  std::shared_ptr<HttpReply> reply = recorded(request, std::move(plain), metrics_, is_routine(request));
  const std::string& path = request.path;
  const bool get = request.method == "GET";
  if (request.method == "OPTIONS") {
    return reply->send(204, "text/plain", "",
                       {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                        {"Access-Control-Allow-Headers", "Authorization, *"}});
  }
  // These need no key: probes have none, and the page asks for it.
  if (get && path == "/") return send_page(*reply, "index.html");
  if (get && path.starts_with("/page/")) return send_page(*reply, std::string_view(path).substr(6));
  if (get && (path == "/health" || path == "/v1/health/live"))
    return reply->send(200, "application/json", R"({"status":"ok"})");
  if (get && (path == "/ready" || path == "/v1/health/ready")) {
    return draining_ ? reply->send(503, "application/json", R"({"status":"draining"})")
                     : reply->send(200, "application/json", R"({"status":"ready"})");
  }
  if (!is_allowed(request)) {
    return path == "/v1/listen"
               ? reply->send(401, "application/json", refusal(kUnknownKey, request.origin.request),
                             {{"WWW-Authenticate", "Bearer"}})
               : send_error(*reply, kUnknownKey);
  }
  if (get && path == "/metrics") return reply->send(200, "text/plain; version=0.0.4", metrics_.text());
  if (get && path == "/version")
    return reply->send(200, "application/json", text::json_text(json{{"version", options_.version}}));
  const ModelInfo& model = scheduler_.recognizer().info();
  if (get && path == std::string(kModels) + model.name)
    return reply->send(200, "application/json", model_json(model));
  if (get && path.starts_with(kModels)) {
    return send_error(*reply,
                      {404, "invalid_request_error", "model_not_found",
                       fmt::format("the model '{}' does not exist, expected {}",
                                   printable(std::string_view(path).substr(kModels.size())), model.name),
                       "model"});
  }
  if (get && path == "/v1/models") {
    return reply->send(200, "application/json",
                       fmt::format(R"({{"object":"list","data":[{}]}})", model_json(model)));
  }
  if (request.method == "POST" && path == "/v1/audio/transcriptions")
    return transcriptions_.handle(std::move(request), std::move(reply));
  if (request.method == "POST" && path == "/v1/listen")
    return listen_.handle(std::move(request), std::move(reply));
  if (request.method == "POST" && path == "/v1/realtime/transcription_sessions")
    return reply->send(200, "application/json", default_transcription_session(model));
  send_error(*reply,
             {404, "invalid_request_error", "not_found", request.method + " " + path + ": no such path"});
}

WebSocketAnswer Service::accept(const HttpRequest& request, std::shared_ptr<WebSocket> plain) {
  const auto socket = std::make_shared<RecordedSocket>(std::move(plain));
  const bool listens = request.path == "/v1/listen";
  const auto refuse = [&](const ApiError& error) {
    const std::string answer = listens ? refusal(error, request.origin.request) : to_json(error);
    return recorded(request, {nullptr, error.status, answer}, socket, metrics_);
  };
  if (!listens && request.path != "/v1/realtime")
    return refuse({404, "invalid_request_error", "not_found", request.path + ": no WebSocket there"});
  if (!is_allowed(request)) return refuse(kUnknownKey);
  WebSocketAnswer answer = listens
                               ? listen_.accept(request, socket)
                               : WebSocketAnswer{make_realtime(scheduler_, options_.live, request, socket)};
  return recorded(request, std::move(answer), socket, metrics_);
}

}  // namespace glossa::serve
