// A server's TLS certificate, read again when its files have changed.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

namespace boost::asio::ssl {
class context;
}

namespace glossa::serve {

// Thread-safe.
class Certificates {
 public:
  // PEM files: the chain and its key. Error kInvalidArgument when they cannot be used.
  Certificates(std::filesystem::path certificate, std::filesystem::path key);

  // TLS 1.2 and newer. New files that cannot be used are one warning in the log; the old ones go on, and the
  // new ones are tried again, since they may be incomplete.
  std::shared_ptr<boost::asio::ssl::context> current();

 private:
  struct Written {
    std::filesystem::file_time_type certificate, key;
    bool operator==(const Written&) const = default;
  };
  Written written() const;

  std::filesystem::path certificate_;
  std::filesystem::path key_;
  std::mutex mutex_;
  Written used_;                   // of the files in use
  std::optional<Written> failed_;  // of those that were complained of last
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace glossa::serve
