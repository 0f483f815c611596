#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "cli/common_options.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/option_values.h"
#include "cli/search_options.h"
#include "cli/serve_command.h"
#include "cli/server_log.h"
#include "cli/yaml_config.h"
#include "serve/grpc_server.h"
#include "serve/http_server.h"
#include "serve/latency.h"
#include "serve/live_options.h"
#include "serve/metrics.h"
#include "serve/recorded.h"
#include "serve/scheduler.h"
#include "serve/service.h"
#include "serve/worker.h"
#include "serve/wyoming_server.h"

namespace glossa::cli {
namespace {

constexpr int kFileThreads = 4;  // that decode uploads: a slow one holds up nobody

struct ServeOptions {
  ModelOptions model;
  std::string att_context_size;  // empty: not given
  std::string latency;           // empty: not given
  std::string draft_latency;     // empty: no drafts
  serve::StreamDefaults streams;
  SearchOptions search;
  LmOptions lm;
  std::optional<int> final_silence_ms;
  std::string address = "127.0.0.1";
  int http_port = 8000;
  int grpc_port = 50051;
  bool no_grpc = false;
  std::optional<int> wyoming_port;
  std::string certificate;
  std::string key;
  std::vector<std::string> api_keys;
  int max_streams = 0;
  int max_files = 64;
  double utilisation = 0.75;
  double max_hours = 4;
  int max_upload_mb = 100;
  int idle_seconds = 60;
  int endpointing_ms = 1000;
  int drain_seconds = 30;
  std::string log = "text";
  bool log_transcripts = false;
  bool quiet = false;
};

void add_options(CLI::App& program, ServeOptions& options) {
  add_model_options(program, options.model);
  program
      .set_config("--config", "",
                  "YAML file of these options, http_port for --http-port; GLOSSA_HTTP_PORT is read, too "
                  "(default: none)")
      ->envname("GLOSSA_CONFIG");
  program.config_formatter(make_yaml_config());
  program.allow_config_extras(CLI::config_extras_mode::error);
  auto* context =
      program.add_option("--att-context-size", options.att_context_size,
                         "attention context of clients that choose none, in encoder frames of 80 ms "
                         "(default: the checkpoint's first)");
  program
      .add_option("--latency", options.latency, "the same as the length of a chunk, such as 80ms or 320ms")
      ->excludes(context);
  program.add_option(
      "--draft-latency", options.draft_latency,
      "what is heard at this latency is the end of interim results of streams of a higher one, until "
      "they have their own words; it costs as much as a second stream (default: no drafts)");
  program
      .add_option("--target-lang", options.streams.target_lang, "language of clients that name none or auto")
      ->capture_default_str();
  add_search_options(program, options.search);
  describe_live_settling(program);
  add_lm_options(program, options.lm);
  add_final_silence_option(program, options.final_silence_ms);
  program.add_option("--address", options.address, "IP address to listen on; 0.0.0.0: all")
      ->capture_default_str();
  program
      .add_option("--http-port", options.http_port,
                  "for HTTP, WebSocket and the caption page; 0: any free one")
      ->check(between(0, 65535))
      ->capture_default_str();
  program.add_option("--grpc-port", options.grpc_port, "for Riva's clients; 0: any free one")
      ->check(between(0, 65535))
      ->capture_default_str();
  program.add_flag("--no-grpc", options.no_grpc, "HTTP alone");
  program
      .add_option("--wyoming-port", options.wyoming_port,
                  "for Home Assistant, without keys or TLS (10300 is usual); not given: none")
      ->check(between(0, 65535));
  program.add_option("--tls-certificate", options.certificate,
                     "PEM; with it HTTP and Riva speak TLS alone (default: none)");
  program.add_option("--tls-key", options.key, "PEM");
  program.add_option(
      "--api-key", options.api_keys,
      "a key that clients must send; may be given several times (default: none, everybody is served)");
  program
      .add_option("--max-streams", options.max_streams,
                  "live streams at once; 0: what this machine carries, as measured")
      ->check(between(0, 100000))
      ->capture_default_str();
  program.add_option("--max-files", options.max_files, "uploads at once")
      ->check(between(1, 100000))
      ->capture_default_str();
  program.add_option("--utilisation", options.utilisation, "part of the machine that live streams may need")
      ->check(number_between(0.05, 1))
      ->capture_default_str();
  program.add_option("--max-hours", options.max_hours, "of sound in one stream")
      ->check(number_between(0.01, 1000))
      ->capture_default_str();
  program.add_option("--max-upload-mb", options.max_upload_mb, "of a file in one request, in MiB")
      ->check(between(1, 2000))
      ->capture_default_str();
  program.add_option("--idle-seconds", options.idle_seconds, "after which a silent connection is closed")
      ->check(between(1, 86400))
      ->capture_default_str();
  program
      .add_option("--endpointing-ms", options.endpointing_ms, "silence that ends an utterance; 0: none does")
      ->check(between(0, 60000))
      ->capture_default_str();
  program
      .add_option("--drain-seconds", options.drain_seconds, "that streams in flight get to end after SIGTERM")
      ->check(between(0, 86400))
      ->capture_default_str();
  program
      .add_option(
          "--log", options.log,
          "on stderr: 'text', a few messages for people, or 'json', a line for each request and stream")
      ->check(one_of({"text", "json"}))
      ->capture_default_str();
  program.add_flag("--log-transcripts", options.log_transcripts,
                   "with --log json: what is understood, too; without it no text is logged");
  program.add_flag("--quiet", options.quiet, "no messages with --log text but errors");
  const std::pair<const char*, const char*> types[] = {
      {"--config", "FILE"},       {"--att-context-size", "L,R"}, {"--latency", "MS"},
      {"--draft-latency", "MS"},  {"--target-lang", "LANG"},     {"--address", "IP"},
      {"--http-port", "PORT"},    {"--grpc-port", "PORT"},       {"--wyoming-port", "PORT"},
      {"--tls-key", "FILE"},      {"--tls-certificate", "FILE"}, {"--api-key", "KEY"},
      {"--max-streams", "N"},     {"--max-files", "N"},          {"--max-upload-mb", "MB"},
      {"--max-hours", "HOURS"},   {"--utilisation", "PART"},     {"--idle-seconds", "S"},
      {"--endpointing-ms", "MS"}, {"--drain-seconds", "S"},      {"--log", "text|json"}};
  for (const auto& [name, type] : types) program.get_option(name)->type_name(type);
  for (CLI::Option* option : program.get_options()) {
    if (option->get_lnames().empty() || !option->get_envname().empty()) continue;
    const std::string name = option->get_lnames().front();
    if (name != "help" && name != "version") option->envname(environment_name(name));
  }
}

// An address as it stands before a port: [::1].
std::string host_of(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

// An error now and not when the model is loaded.
void check_readable(const std::string& path, const char* from) {
  std::error_code error;
  if (path.empty() || (!std::filesystem::is_directory(path, error) && std::ifstream(path))) return;
  fail_bad_input("{}: no such file, or it cannot be read (expected PEM, from {})", path, from);
}

// Does it when it goes out of scope, however that comes.
struct Finally {
  std::function<void()> work;
  ~Finally() { work(); }
};

// All ports over one scheduler. Listens when constructed.
class Server {
 public:
  Server(const ServeOptions& options, const std::shared_ptr<const Recognizer>& recognizer)
      : options_(options),
        keys_(options.api_keys.begin(), options.api_keys.end()),
        live_{.silence = options.endpointing_ms / 1000.0,
              .idle_seconds = static_cast<double>(options.idle_seconds)},
        scheduler_(std::make_unique<serve::Scheduler>(
            recognizer,
            serve::SchedulerOptions{.max_streams = options.max_streams,
                                    .max_files = options.max_files,
                                    .utilisation = options.utilisation,
                                    .longest_seconds = options.max_hours * 3600,
                                    .streams = options.streams},
            metrics_)),
        worker_(std::make_unique<serve::Worker>(kFileThreads)),
        service_(std::make_unique<serve::Service>(
            serve::ServiceOptions{.api_keys = keys_, .live = live_, .version = GLOSSA_VERSION}, *scheduler_,
            metrics_, *worker_)),
        http_(
            {.address = options.address,
             .port = options.http_port,
             .tls_certificate = options.certificate,
             .tls_key = options.key,
             .most_body_bytes = std::int64_t{options.max_upload_mb} << 20,
             .idle = std::chrono::seconds(options.idle_seconds)},
            {.http = [this](auto request,
                            auto reply) { service_->handle(std::move(request), std::move(reply)); },
             .web_socket = [this](const auto& request,
                                  auto socket) { return service_->accept(request, std::move(socket)); },
             .takes_body = [this](const auto& head) { return service_->takes_body(head); },
             .refused = [this](const auto& request, int status,
                               const auto& why) { serve::record_refusal(request, status, why, metrics_); }}) {
    if (!options.no_grpc) start_grpc();
    if (options.wyoming_port) start_wyoming();
  }

  // What clients need to know, to the log.
  void announce() const {
    const ModelInfo& model = scheduler_->recognizer().info();
    for (const AttContext context : model.att_contexts) {
      log::info(fmt::format("{}: {} live streams", serve::latency_name(context, model),
                            scheduler_->capacity(context)));
    }
    const std::string scheme = options_.certificate.empty() ? "http" : "https";
    const std::string host = host_of(options_.address);
    log::info(fmt::format("captions, OpenAI and WebSocket: {}://{}:{}/", scheme, host, http_.port()));
    if (grpc_) log::info(fmt::format("Riva: {}:{}", host, grpc_->port()));
    if (wyoming_) log::info(fmt::format("Wyoming: {}:{}", host, wyoming_->port()));
  }

  // Takes no new streams; returns when those in flight have ended, or after --drain-seconds.
  void drain() {
    log::info(fmt::format("draining: {} streams are open", scheduler_->open_sessions()));
    service_->drain();
    scheduler_->drain();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options_.drain_seconds);
    const auto is_busy = [&] { return scheduler_->open_sessions() > 0 || service_->is_answering(); };
    while (is_busy() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // last words are on their way
    http_.stop_accepting();
    if (wyoming_) wyoming_->stop_accepting();
    if (grpc_) grpc_->drain(1);
  }

 private:
  void start_grpc() {
    grpc_.emplace(serve::GrpcServerOptions{.address = fmt::format("{}:{}", host_of(options_.address),
                                                                  options_.grpc_port),
                                           .tls_certificate = options_.certificate,
                                           .tls_key = options_.key,
                                           .max_message_bytes = options_.max_upload_mb << 20,
                                           .api_keys = keys_,
                                           .live = live_},
                  *scheduler_, metrics_, *worker_);
  }

  void start_wyoming() {
    wyoming_.emplace(serve::WyomingServerOptions{.address = options_.address,
                                                 .port = *options_.wyoming_port,
                                                 .idle = std::chrono::seconds(options_.idle_seconds),
                                                 .version = GLOSSA_VERSION},
                     *scheduler_, metrics_);
  }

  const ServeOptions& options_;
  const std::set<std::string> keys_;
  const serve::LiveOptions live_;
  serve::Metrics metrics_;
  std::unique_ptr<serve::Scheduler> scheduler_;
  std::unique_ptr<serve::Worker> worker_;
  std::unique_ptr<serve::Service> service_;
  serve::HttpServer http_;
  std::optional<serve::GrpcServer> grpc_;
  std::optional<serve::WyomingServer> wyoming_;
  // First who calls, then what is called; their streams hold sockets of the servers, which go last. A member,
  // so that it happens when a port cannot be had, too.
  const Finally ends_{[this] {
    http_.stop();
    if (wyoming_) wyoming_->stop();
    worker_.reset();
    scheduler_.reset();
    service_.reset();
  }};
};

// Of --att-context-size or --latency, which the checkpoint's configuration translates.
std::optional<AttContext> default_context(const ServeOptions& options) {
  if (!options.att_context_size.empty())
    return parse_att_context(options.att_context_size, "--att-context-size");
  if (options.latency.empty()) return std::nullopt;
  const auto checkpoint = checkpoint::read_checkpoint(model_path(options.model));
  return latency_context(options.latency, chunks_of(checkpoint->config()), "--latency");
}

int serve(ServeOptions& options) {
  if (options.certificate.empty() != options.key.empty())
    fail_invalid_argument("--tls-certificate and --tls-key belong together");
  check_readable(options.certificate, "--tls-certificate");
  check_readable(options.key, "--tls-key");
  if (options.log_transcripts && options.log != "json")
    fail_invalid_argument("--log-transcripts needs --log json");
  if (std::count(options.api_keys.begin(), options.api_keys.end(), "") > 0)
    fail_invalid_argument("--api-key is empty (expected a key, or no --api-key to serve everybody)");
  std::signal(SIGPIPE, SIG_IGN);  // who reads our messages may leave
  std::optional<JsonLog> json_log;
  if (options.log == "json") json_log.emplace(options.log_transcripts);
  options.streams.max_symbols = options.search.max_symbols;
  options.streams.beam_size = beam_size(options.search);
  options.streams.settle_delay = settle_delay_seconds(options.search).value_or(kDefaultSettleDelay);
  check(options.lm);
  options.model.default_att_context = default_context(options);
  const std::shared_ptr<const Recognizer> recognizer =
      load_recognizer(options.model, options.quiet || json_log.has_value());
  if (!options.draft_latency.empty()) {
    options.streams.draft_att_context =
        latency_context(options.draft_latency, recognizer->info(), "--draft-latency");
    const AttContext first = recognizer->info().att_contexts.front();
    if (options.streams.draft_att_context->chunk_frames() >= first.chunk_frames())
      log::warning(
          "--draft-latency is no lower than --latency: only clients that choose longer chunks get drafts");
  }
  options.streams.language_model = load_language_model(options.lm, *recognizer);
  options.streams.lm_alpha = options.lm.alpha;
  options.streams.final_silence = final_silence_seconds(options.final_silence_ms);
  recognizer->create_stream({.target_lang = options.streams.target_lang});  // an unknown one is an error now
  const InterruptGuard interrupt;                                           // not before: loading has its own
  Server server(options, recognizer);
  server.announce();
  while (!interrupt.signal_came()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.drain();
  return kDone;
}

}  // namespace

Command make_serve_command(CLI::App& program) {
  auto options = std::make_shared<ServeOptions>();
  add_options(program, *options);
  return {&program, [options] { return serve(*options); }};
}

}  // namespace glossa::cli
