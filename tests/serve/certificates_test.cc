#include "serve/certificates.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "base/log.h"
#include "support/files.h"

namespace glossa::serve {
namespace {

using namespace std::chrono_literals;
using FilePointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

FilePointer opened(const std::filesystem::path& path) {
  FilePointer file(std::fopen(path.c_str(), "w"), &std::fclose);
  if (!file) throw std::runtime_error(path.string() + ": cannot be opened");
  return file;
}

class CertificatesTest : public ::testing::Test {
 protected:
  CertificatesTest() {
    log::set_sink([this](log::Level level, std::string_view) { warnings_ += level == log::Level::kWarning; });
    make_pair("");
    touch("certificate", 0h);
    touch("key", 0h);
    make_pair("new ");
  }
  ~CertificatesTest() override { log::set_sink({}); }

  void make_pair(const std::string& prefix) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), &X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    PEM_write_X509(opened(folder_ / (prefix + "certificate")).get(), certificate.get());
    PEM_write_PrivateKey(opened(folder_ / (prefix + "key")).get(), key.get(), nullptr, nullptr, 0, nullptr,
                         nullptr);
  }

  // As if it had been written so long after the first pair.
  void touch(const std::string& name, std::chrono::hours after) {
    std::filesystem::last_write_time(folder_ / name, begin_ + after);
  }

  void renew(const std::string& name, std::chrono::hours after) {
    std::filesystem::rename(folder_ / ("new " + name), folder_ / name);
    touch(name, after);
  }

  testing::TemporaryFolder folder_;
  std::filesystem::file_time_type begin_ = std::filesystem::file_time_type::clock::now() - 100h;
  int warnings_ = 0;
};

TEST_F(CertificatesTest, OlderFilesAreNewOnes) {
  Certificates certificates(folder_ / "certificate", folder_ / "key");
  const auto first = certificates.current();
  EXPECT_EQ(certificates.current(), first);
  renew("certificate", -1h);
  renew("key", 0h);
  EXPECT_NE(certificates.current(), first);
  EXPECT_EQ(certificates.current(), certificates.current());
  EXPECT_EQ(warnings_, 0);
}

TEST_F(CertificatesTest, HalfAPairIsToldOnceAndUsedWhenItIsWhole) {
  Certificates certificates(folder_ / "certificate", folder_ / "key");
  const auto first = certificates.current();
  renew("certificate", 2h);
  EXPECT_EQ(certificates.current(), first);
  EXPECT_EQ(certificates.current(), first);
  EXPECT_EQ(warnings_, 1);
  renew("key", 1h);
  EXPECT_NE(certificates.current(), first);
  EXPECT_EQ(warnings_, 1);
}

TEST_F(CertificatesTest, MissingFilesAreToldOnce) {
  Certificates certificates(folder_ / "certificate", folder_ / "key");
  const auto first = certificates.current();
  std::filesystem::remove(folder_ / "key");
  EXPECT_EQ(certificates.current(), first);
  EXPECT_EQ(certificates.current(), first);
  EXPECT_EQ(warnings_, 1);
}

}  // namespace
}  // namespace glossa::serve
