// A TCP port to listen on.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace glossa::serve {

// Opens and binds `acceptor`; port 0 is any free one. Returns the port. Error kInvalidArgument when the
// address cannot be had.
int listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, int port);

}  // namespace glossa::serve
