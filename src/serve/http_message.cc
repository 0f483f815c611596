#include "serve/http_message.h"

#include <cctype>
#include <utility>

#include "serve/url.h"

namespace glossa::serve {

namespace http = boost::beast::http;

void set_common(http::fields& fields, const std::string& name) {
  fields.set(kRequestName, name);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set(http::field::access_control_allow_origin, "*");
  fields.set(http::field::access_control_expose_headers, kRequestName);
}

http::response<http::string_body> last_answer(int status, unsigned version, const std::string& name,
                                              std::string body) {
  http::response<http::string_body> response(static_cast<http::status>(status), version);
  set_common(response, name);
  response.set(http::field::content_type, "application/json");
  response.keep_alive(false);
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

HttpRequest convert(http::request<http::string_body>&& message, const char* protocol,
                    const std::string& peer) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t mark = target.find('?');
  request.path = percent_decoded(target.substr(0, mark));
  if (mark != std::string::npos) request.query = parse_query(std::string_view(target).substr(mark + 1));
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  request.origin = {request_name(request.header(kRequestName).value_or("")), protocol, peer};
  return request;
}

}  // namespace glossa::serve
