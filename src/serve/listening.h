// A TCP port to listen on, and who connects to it.
#pragma once

#include <utility>  // awaitable.hpp needs it and forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

namespace glossa::serve {

// Opens and binds `acceptor`; port 0 is any free one. Returns the port. Error kInvalidArgument when the
// address cannot be had.
int listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, int port);

// Gives every connection and its client's address to `serve`, on a strand of its own and without Nagle's
// delay, until `acceptor` is closed.
using Serve = std::function<void(boost::asio::ip::tcp::socket socket, std::string peer)>;
boost::asio::awaitable<void> accept_all(boost::asio::ip::tcp::acceptor& acceptor, Serve serve);

}  // namespace glossa::serve
