// Beast's messages, to and from those of serve/http.h.
#pragma once

#include <string>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "serve/http.h"

namespace glossa::serve {

constexpr const char* kRequestName = "x-request-id";

// The fields of every answer to the request `name`. Pages of any origin may use the interfaces.
void set_common(boost::beast::http::fields& fields, const std::string& name);

// The whole answer `body`, JSON, after which the connection is closed.
boost::beast::http::response<boost::beast::http::string_body> last_answer(int status, unsigned version,
                                                                          const std::string& name,
                                                                          std::string body);

// `protocol`: "http" or "websocket"; `peer`: the client's address.
HttpRequest convert(boost::beast::http::request<boost::beast::http::string_body>&& message,
                    const char* protocol, const std::string& peer);

}  // namespace glossa::serve
