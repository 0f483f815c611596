#include "serve/listening.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "base/fail.h"
#include "serve/awaiting.h"

namespace glossa::serve {

int listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, int port) {
  using boost::asio::ip::tcp;
  boost::system::error_code error;
  const boost::asio::ip::address parsed = boost::asio::ip::make_address(address, error);
  if (error) fail_invalid_argument("address is {}, expected an IP address such as 0.0.0.0", address);
  const tcp::endpoint endpoint(parsed, static_cast<unsigned short>(port));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) fail_invalid_argument("{}:{}: {}", address, port, error.message());
  return acceptor.local_endpoint().port();
}

boost::asio::awaitable<void> accept_all(boost::asio::ip::tcp::acceptor& acceptor, Serve serve) {
  namespace asio = boost::asio;
  using asio::ip::tcp;
  constexpr auto kPause = std::chrono::milliseconds(100);
  while (acceptor.is_open()) {
    boost::system::error_code error;
    tcp::socket socket(asio::make_strand(acceptor.get_executor()));
    tcp::endpoint peer;  // the socket does not know any more when the client has gone
    co_await acceptor.async_accept(socket, peer, into(error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of file handles, say: others may end meanwhile
      asio::steady_timer pause(acceptor.get_executor(), kPause);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    serve(std::move(socket), peer.address().to_string());
  }
}

}  // namespace glossa::serve
