// A server's TLS certificate, read again when its files have changed.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

namespace boost::asio::ssl {
class context;
}

namespace glossa::serve {

// Thread-safe.
class Certificates {
 public:
  // PEM files: the chain and its key. Error kInvalidArgument when they cannot be used.
  Certificates(std::filesystem::path certificate, std::filesystem::path key);

  // TLS 1.2 and newer. New files that cannot be used are a warning in the log; the old ones go on.
  std::shared_ptr<boost::asio::ssl::context> current();

 private:
  std::filesystem::path certificate_;
  std::filesystem::path key_;
  std::mutex mutex_;
  std::filesystem::file_time_type written_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace glossa::serve
