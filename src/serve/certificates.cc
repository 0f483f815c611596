#include "serve/certificates.h"

#include <boost/asio/ssl/context.hpp>

#include <string>
#include <system_error>
#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace glossa::serve {
namespace {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> load(const std::filesystem::path& certificate,
                                   const std::filesystem::path& key) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate.string(), error);
  if (error)
    fail_invalid_argument("{}: {} (expected a certificate in PEM)", certificate.string(), error.message());
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  if (error)
    fail_invalid_argument("{}: {} (expected the certificate's key in PEM)", key.string(), error.message());
  return context;
}

}  // namespace

Certificates::Certificates(std::filesystem::path certificate, std::filesystem::path key)
    : certificate_(std::move(certificate)),
      key_(std::move(key)),
      used_(written()),
      context_(load(certificate_, key_)) {}

Certificates::Written Certificates::written() const {
  std::error_code ignored;  // load() tells what is wrong
  return {std::filesystem::last_write_time(certificate_, ignored),
          std::filesystem::last_write_time(key_, ignored)};
}

std::shared_ptr<ssl::context> Certificates::current() {
  const std::lock_guard lock(mutex_);
  const Written now = written();
  if (now == used_) return context_;
  try {
    context_ = load(certificate_, key_);
    used_ = now;
    failed_.reset();
    log::info("a new TLS certificate is in use");
  } catch (const std::exception& error) {
    if (failed_ != now) log::warning(std::string("the old TLS certificate stays in use: ") + error.what());
    failed_ = now;
  }
  return context_;
}

}  // namespace glossa::serve
