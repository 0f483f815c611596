#include "serve/listening.h"

#include "base/fail.h"

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

}  // namespace glossa::serve
