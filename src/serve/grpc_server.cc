#include "serve/grpc_server.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string_view>

#include "base/fail.h"
#include "base/log.h"
#include "serve/riva_service.h"

namespace glossa::serve {
namespace {

constexpr unsigned kReloadSeconds = 5;       // until changed TLS files are seen
constexpr int kKeepaliveMs = 120'000;        // between pings to a client that may have vanished
constexpr int kKeepaliveTimeoutMs = 60'000;  // a client that is busy may take its time to answer

// What the libraries write to stderr by themselves goes where our messages go.
void hear_grpc(gpr_log_func_args* message) {
  if (message->severity == GPR_LOG_SEVERITY_ERROR) log::warning(fmt::format("gRPC: {}", message->message));
}

void hear_protobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  log::warning(fmt::format("protobuf: {}", message));
}

// Of the whole process, before its first server.
void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(hear_grpc);
    google::protobuf::SetLogHandler(hear_protobuf);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void check_pem(const std::filesystem::path& path, std::string_view what) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open()) fail_bad_input("{}: cannot be read (the TLS {})", path.string(), what);
  if (text.find("-----BEGIN ") == std::string::npos)
    fail_bad_input("{}: not a PEM file (expected the TLS {})", path.string(), what);
}

std::shared_ptr<grpc::ServerCredentials> credentials(const GrpcServerOptions& options) {
  if (options.tls_certificate.empty() && options.tls_key.empty()) return grpc::InsecureServerCredentials();
  if (options.tls_certificate.empty() || options.tls_key.empty())
    fail_invalid_argument("TLS needs a certificate and a key, and one of them is missing");
  check_pem(options.tls_certificate, "certificate");
  check_pem(options.tls_key, "key");
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls_key.string(), options.tls_certificate.string(), kReloadSeconds));
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const GrpcServerOptions& options, Scheduler& scheduler, Metrics& metrics, Worker& worker)
      : riva_(scheduler, metrics, worker, {.api_keys = options.api_keys, .live = options.live}) {
    prepare_process();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.address, credentials(options), &port_);
    builder.RegisterService(&riva_.service());
    builder.SetMaxReceiveMessageSize(options.max_message_bytes);
    builder.SetMaxSendMessageSize(options.max_message_bytes);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port that is taken is an error
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);  // clients may ping as often as they like
    // Reflection alone is served by threads that wait.
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) fail_invalid_argument("cannot listen on {} for gRPC", options.address);
    server_->GetHealthCheckService()->SetServingStatus(RivaService::kName, true);
  }

  ~Impl() { drain(0); }

  int port() const { return port_; }

  void drain(double seconds) {
    const std::lock_guard lock(drain_mutex_);
    if (!server_) return;
    server_->GetHealthCheckService()->SetServingStatus(false);
    riva_.drain(std::max(seconds, 0.0));
    server_->Shutdown(
        std::chrono::system_clock::now());  // what is left: late calls, and who watches the health
    server_.reset();
  }

 private:
  RivaService riva_;
  int port_ = 0;
  std::mutex drain_mutex_;
  std::unique_ptr<grpc::Server> server_;
};

GrpcServer::GrpcServer(const GrpcServerOptions& options, Scheduler& scheduler, Metrics& metrics,
                       Worker& worker)
    : impl_(std::make_unique<Impl>(options, scheduler, metrics, worker)) {}

GrpcServer::~GrpcServer() = default;

int GrpcServer::port() const { return impl_->port(); }
void GrpcServer::drain(double seconds) { impl_->drain(seconds); }

}  // namespace glossa::serve
