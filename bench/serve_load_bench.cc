// Load at capacity: starts `glossa serve`, opens live streams over WebSocket until it refuses one, paces them
// for minutes, then knocks with as many again.
//
//   serve_load_bench build/glossa MODEL SOUND [--seconds 600] [--latency 80ms] [--lang auto] [--beam-size 1]
//   [--config FILE.yaml]
//
// Every stream plays SOUND over and over. What each must hear, and with which 80 ms of sound, comes from the
// engine called directly; so does the floor, the processor time of as many streams in one loop.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audio/audio_file.h"
#include "base/child_process.h"
#include "base/number_formats.h"
#include "bench/statistics.h"
#include "glossa/recognizer.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;
using json = nlohmann::json;

constexpr int kRate = 16000;
constexpr int kPiece = 1280;  // samples sent at a time
constexpr auto kPieceTime = std::chrono::milliseconds(80);
constexpr auto kBetweenOpenings = std::chrono::milliseconds(10);
constexpr double kStormSeconds = 30;
constexpr double kDirectSeconds = 60;
constexpr double kMegabyte = 1e6;

struct Arguments {
  std::string program;
  std::string model;
  std::string sound;
  std::string latency = "80ms";
  std::string lang = "auto";
  std::string config;
  int beam_size = 1;
  double seconds = 600;
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// ---- The engine, called directly ----

// Whole pieces, again and again.
struct Sound {
  std::vector<float> samples;
  std::vector<std::int16_t> pcm;  // the same, as it is sent

  std::span<const float> piece(std::int64_t index) const {
    return std::span(samples).subspan(at(index), kPiece);
  }
  std::span<const std::int16_t> pcm_piece(std::int64_t index) const {
    return std::span(pcm).subspan(at(index), kPiece);
  }

 private:
  std::size_t at(std::int64_t index) const {
    const auto pieces = static_cast<std::int64_t>(samples.size()) / kPiece;
    return static_cast<std::size_t>(index % pieces * kPiece);
  }
};

Sound read_sound(const std::string& path) {
  Sound sound;
  sound.samples = glossa::audio::read_audio(path, kRate, {}).samples;
  sound.samples.resize((sound.samples.size() + kPiece - 1) / kPiece * kPiece);
  for (float& sample : sound.samples) {
    sound.pcm.push_back(static_cast<std::int16_t>(std::lround(std::clamp(sample, -1.0f, 1.0f) * 32767)));
    sample = static_cast<float>(sound.pcm.back()) / 32768;  // what the server makes of it
  }
  return sound;
}

// A sentence that the model has closed.
struct Closed {
  std::int64_t piece = 0;  // the sound that closed it
  std::string text;
};

std::size_t closed_sentences(const glossa::Transcript& transcript) {
  const std::size_t count = transcript.sentences.size();
  return count > 0 && transcript.sentences.back().language.empty() ? count - 1 : count;
}

std::vector<Closed> expected_sentences(const glossa::Recognizer& recognizer,
                                       const glossa::StreamOptions& options, const Sound& sound,
                                       std::int64_t pieces) {
  const auto stream = recognizer.create_stream(options);
  glossa::Stream* ready[] = {stream.get()};
  std::vector<Closed> closed;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    stream->accept_waveform(sound.piece(piece));
    while (stream->is_ready()) recognizer.decode(ready);
    const glossa::Transcript& transcript = stream->transcript();
    while (closed.size() < closed_sentences(transcript))
      closed.push_back({piece, transcript.sentences[closed.size()].text});
  }
  return closed;
}

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Processor seconds for a second of sound of one stream, when `count` of them arrive in real time, as evenly
// as the server's.
double direct_cost(const glossa::Recognizer& recognizer, const glossa::StreamOptions& options,
                   const Sound& sound, int count) {
  std::vector<std::unique_ptr<glossa::Stream>> streams;
  std::vector<std::int64_t> fed(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) streams.push_back(recognizer.create_stream(options));
  const auto start = Clock::now();
  const auto due = [&](std::size_t index) {
    return start + kPieceTime * fed[index] + kBetweenOpenings * static_cast<int>(index);
  };
  const double before = processor_seconds();
  while (since(start) < kDirectSeconds) {
    std::vector<glossa::Stream*> ready;
    auto next = Clock::time_point::max();
    for (std::size_t index = 0; index < streams.size(); ++index) {
      while (due(index) <= Clock::now()) streams[index]->accept_waveform(sound.piece(fed[index]++));
      next = std::min(next, due(index));
      if (streams[index]->is_ready()) ready.push_back(streams[index].get());
    }
    if (ready.empty()) {
      std::this_thread::sleep_until(next);
      continue;
    }
    recognizer.decode(ready);
    for (const glossa::Stream* stream : ready) stream->transcript();
  }
  const double spent = processor_seconds() - before;
  double heard = 0;
  for (const std::int64_t pieces : fed) heard += static_cast<double>(pieces) * kPiece / kRate;
  return spent / heard;
}

// ---- The server ----

class Server {
 public:
  explicit Server(const Arguments& arguments) {
    std::vector<std::string> words = {arguments.program, "serve", "--model",  arguments.model,
                                      "--http-port",     "0",     "--no-grpc"};
    if (arguments.beam_size > 1)
      words.insert(words.end(), {"--decoding", "beam", "--beam-size", std::to_string(arguments.beam_size)});
    if (!arguments.config.empty()) words.insert(words.end(), {"--config", arguments.config});
    {
      const glossa::Pipe messages = glossa::make_pipe();
      const int failed = glossa::start_child(words, /*output=*/-1, messages.write_end.get(), pid_);
      if (failed != 0) throw std::runtime_error(fmt::format("cannot start {}", arguments.program));
      log_ = ::fdopen(::dup(messages.read_end.get()), "r");
    }
    char line[1000];
    while (port_ == 0 && std::fgets(line, sizeof line, log_) != nullptr) {
      const std::string text(line);
      const std::size_t at = text.find("http://127.0.0.1:");
      if (at != std::string::npos) port_ = std::stoi(text.substr(at + 17));
      fmt::print("server: {}", text);
    }
    if (port_ == 0) throw std::runtime_error("the server did not start");
    reader_ = std::thread([this] {
      char ignored[1000];
      while (std::fgets(ignored, sizeof ignored, log_) != nullptr) {
      }
    });
  }

  ~Server() {
    ::kill(pid_, SIGTERM);
    glossa::wait_for_child(pid_);
    reader_.join();
    std::fclose(log_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }

  double processor_seconds() const {
    std::ifstream file(fmt::format("/proc/{}/stat", pid_));
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string word;
    constexpr int kBefore = 11;  // of utime and stime, behind the name
    for (int field = 0; field < kBefore; ++field) fields >> word;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  double resident_bytes() const {
    std::ifstream file(fmt::format("/proc/{}/statm", pid_));
    double total = 0;
    double resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }

 private:
  pid_t pid_ = 0;
  std::FILE* log_ = nullptr;
  std::thread reader_;  // of what the server says later
  int port_ = 0;
};

// What the server measured itself: chunks whose text took less than `seconds`, and all of them.
struct Lags {
  double within = 0;
  double all = 0;
};

Lags server_lags(int port, double seconds) {
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.connect({asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)});
  beast::http::write(stream,
                     beast::http::request<beast::http::empty_body>(beast::http::verb::get, "/metrics", 11));
  beast::flat_buffer buffer;
  beast::http::response<beast::http::string_body> response;
  beast::http::read(stream, buffer, response);
  const auto value = [&](const std::string& name) {
    const std::size_t at = response.body().find(name + " ");
    if (at == std::string::npos) throw std::runtime_error(fmt::format("/metrics has no {}", name));
    return std::stod(response.body().substr(at + name.size()));
  };
  return {value(fmt::format("glossa_lag_seconds_bucket{{le=\"{}\"}}", seconds)),
          value("glossa_lag_seconds_count")};
}

// ---- Its clients ----

// What all clients share and tell.
struct Load {
  const Arguments& arguments;
  const Sound& sound;
  const std::vector<Closed>& expected;
  int port = 0;
  std::vector<double> lags;      // seconds, of the phase that runs
  std::vector<double> refusals;  // seconds from the first sound to the refusal
  int wrong_texts = 0;
  std::int64_t missing = 0;  // sentences that should have come
  int lost = 0;
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(asio::io_context& context, Load& load) : load_(load), socket_(context), timer_(context) {}

  void open() {
    auto& tcp = beast::get_lowest_layer(socket_);
    tcp.connect({asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(load_.port)});
    tcp.socket().set_option(asio::ip::tcp::no_delay(true));
    socket_.handshake("127.0.0.1", "/v1/realtime?intent=captions");
    const json settings = {{"type", "session.update"},
                           {"session",
                            {{"sample_rate", kRate},
                             {"language", load_.arguments.lang},
                             {"latency", load_.arguments.latency},
                             {"endpointing_ms", 60000}}}};  // sentences end by the model's tags alone
    socket_.text(true);
    socket_.write(asio::buffer(settings.dump()));
    socket_.binary(true);
    opened_ = Clock::now();
    read();
    send();
  }

  bool refused() const { return refused_; }
  bool alive() const { return alive_; }

  // No more sound; the last text follows.
  void finish() {
    if (!alive_) return;
    constexpr std::int64_t kSlack = 25;  // pieces that may still be on their way
    const auto due_by_now =
        std::count_if(load_.expected.begin(), load_.expected.end(),
                      [&](const Closed& closed) { return closed.piece < sent_ - kSlack; });
    load_.missing += std::max<std::int64_t>(0, due_by_now - static_cast<std::int64_t>(heard_));
    finishing_ = true;
    timer_.cancel();
  }

 private:
  Clock::time_point due(std::int64_t piece) const { return opened_ + kPieceTime * piece; }

  void send() {
    if (!alive_) return;
    if (finishing_) {
      socket_.text(true);
      message_ = R"({"type":"input_audio_buffer.commit"})";
      socket_.async_write(asio::buffer(message_), [self = shared_from_this()](error_code, std::size_t) {});
      return;
    }
    const std::span<const std::int16_t> pcm = load_.sound.pcm_piece(sent_++);
    socket_.async_write(asio::buffer(pcm.data(), pcm.size_bytes()),
                        [self = shared_from_this()](error_code error, std::size_t) {
                          if (error) return self->end();
                          self->timer_.expires_at(self->due(self->sent_));
                          self->timer_.async_wait([self](error_code) { self->send(); });
                        });
  }

  void read() {
    socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->end();
      self->hear(json::parse(beast::buffers_to_string(self->buffer_.data())));
      self->buffer_.consume(self->buffer_.size());
      self->read();
    });
  }

  void hear(const json& event) {
    const std::string type = event.value("type", "");
    if (type == "error" && event["error"].value("code", "") == "overloaded") {
      refused_ = true;
      load_.refusals.push_back(since(opened_));
      return;
    }
    if (type != "conversation.item.input_audio_transcription.completed") return;
    const std::string text = event.value("transcript", "");
    if (finishing_) return;  // the last one may be cut short
    if (load_.expected.empty()) return;
    if (heard_ >= load_.expected.size() || text != load_.expected[heard_].text) {
      ++load_.wrong_texts;
    } else {
      const auto complete = due(load_.expected[heard_].piece);
      load_.lags.push_back(since(complete));
    }
    ++heard_;
  }

  void end() {
    if (!alive_) return;
    alive_ = false;
    timer_.cancel();
    if (!finishing_ && !refused_) ++load_.lost;
  }

  Load& load_;
  beast::websocket::stream<beast::tcp_stream> socket_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::string message_;
  Clock::time_point opened_;
  std::int64_t sent_ = 0;
  std::size_t heard_ = 0;
  bool alive_ = true;
  bool refused_ = false;
  bool finishing_ = false;
};

using Clients = std::vector<std::shared_ptr<Client>>;

void run_for(asio::io_context& context, double seconds, const std::function<void()>& every_second = {}) {
  const auto start = Clock::now();
  auto next = start;
  while (since(start) < seconds) {
    next += std::chrono::seconds(1);
    context.run_until(std::min(
        next, start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))));
    if (every_second) every_second();
  }
}

// Opens one after the other until one is refused or there are `most`.
Clients open_until_refused(asio::io_context& context, Load& load, int most) {
  Clients clients;
  auto next = Clock::now();
  while (static_cast<int>(clients.size()) < most && load.refusals.empty()) {
    clients.push_back(std::make_shared<Client>(context, load));
    clients.back()->open();
    next += kBetweenOpenings;
    context.run_until(next);
  }
  context.run_for(std::chrono::seconds(1));
  return clients;
}

void print_lags(const char* phase, const std::vector<double>& lags) {
  if (lags.empty()) return;
  const glossa::bench::Summary summary = glossa::bench::summarize(lags);
  fmt::print("{:<28} p50 {:6.1f}  p95 {:6.1f}  p99 {:6.1f}  largest {:6.1f} ms  ({} sentences)\n", phase,
             summary.p50 * 1000, summary.p95 * 1000, summary.p99 * 1000, summary.largest * 1000, lags.size());
}

void run(const Arguments& arguments) {
  const Sound sound = read_sound(arguments.sound);
  const auto recognizer =
      glossa::Recognizer::load({.model = arguments.model, .weights = glossa::WeightFormat::kInt8});
  glossa::StreamOptions options{.target_lang = arguments.lang,
                                .beam_size = arguments.beam_size,
                                .settle_delay = glossa::kDefaultSettleDelay};
  for (const glossa::AttContext context : recognizer->info().att_contexts) {
    const double chunk_ms = context.chunk_frames() * recognizer->info().frame_seconds * 1000;
    if (fmt::format("{:.0f}ms", chunk_ms) == arguments.latency) options.att_context = context;
  }
  if (!options.att_context)
    throw std::runtime_error(fmt::format("the model has no latency {}", arguments.latency));
  const auto pieces =
      static_cast<std::int64_t>((arguments.seconds + 2 * kStormSeconds + 60) * kRate / kPiece);
  const std::vector<Closed> expected = expected_sentences(*recognizer, options, sound, pieces);
  if (expected.empty())
    fmt::print("the model closes no sentence in this sound: no lags, no comparison of texts\n");

  Server server(arguments);
  Load load{.arguments = arguments, .sound = sound, .expected = expected, .port = server.port()};
  asio::io_context context;
  const auto work = asio::make_work_guard(context);
  constexpr int kMostClients = 5000;
  Clients clients = open_until_refused(context, load, kMostClients);
  std::erase_if(clients, [](const auto& client) { return client->refused(); });
  const int streams = static_cast<int>(clients.size());
  fmt::print("{} streams at {}, the next one refused\n", streams, arguments.latency);

  load.lags.clear();
  const double chunk_seconds = options.att_context->chunk_frames() * recognizer->info().frame_seconds;
  const Lags lags_before = server_lags(server.port(), chunk_seconds);
  const double processor_before = server.processor_seconds();
  std::vector<double> resident;
  run_for(context, arguments.seconds, [&] {
    resident.push_back(server.resident_bytes());
    if (resident.size() % 60 == 0)
      fmt::print("{:4} s: {:.1f} MB, {} lost, {} wrong\n", resident.size(), resident.back() / kMegabyte,
                 load.lost, load.wrong_texts);
  });
  const double served = (server.processor_seconds() - processor_before) / (arguments.seconds * streams);
  const Lags lags = server_lags(server.port(), chunk_seconds);
  const double chunks = lags.all - lags_before.all;
  fmt::print("{:<28} {:.2f} % of {:.0f} chunks within {}, by the server's clock\n", "lag of all chunks",
             (lags.within - lags_before.within) / chunks * 100, chunks, arguments.latency);
  print_lags("end of chunk to text", load.lags);
  const double half = resident[resident.size() / 2];
  fmt::print("{:<28} {:.1f} MB in the middle, {:.1f} at the end ({:+.1f} %)\n", "resident memory",
             half / kMegabyte, resident.back() / kMegabyte, (resident.back() / half - 1) * 100);

  load.lags.clear();
  load.refusals.clear();
  Clients storm;
  const auto storm_start = Clock::now();
  for (int index = 0; index < streams; ++index) {
    storm.push_back(std::make_shared<Client>(context, load));
    storm.back()->open();
    context.run_until(storm_start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                        kStormSeconds * (index + 1) / streams)));
  }
  run_for(context, 2);
  const glossa::bench::Summary refusals = glossa::bench::summarize(load.refusals);
  fmt::print("{:<28} {} of {} refused, p95 {:.1f} ms after their first sound\n", "twice as many",
             load.refusals.size(), streams, refusals.p95 * 1000);
  print_lags("lag of the others meanwhile", load.lags);

  for (const auto& client : clients) client->finish();
  run_for(context, 5);
  const auto unfinished =
      std::count_if(clients.begin(), clients.end(), [](const auto& c) { return c->alive(); });
  fmt::print(
      "{:<28} {} lost, {} not ended 5 s after their end, {} sentences missing, {} other than the engine's\n",
      "streams", load.lost, unfinished, load.missing, load.wrong_texts);
  const double direct = direct_cost(*recognizer, options, sound, streams);
  fmt::print("{:<28} {:.3f} ms of processor time per second of sound, engine alone {:.3f} ({:+.1f} %)\n",
             "overhead", served * 1000, direct * 1000, (served / direct - 1) * 100);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Load at capacity: glossa serve and as many live streams as it takes");
  app.add_option("program", arguments.program, "The glossa program")->required();
  app.add_option("model", arguments.model, "Checkpoint")->required();
  app.add_option("sound", arguments.sound, "Sound that every stream plays over and over")->required();
  app.add_option("--seconds", arguments.seconds, "Length of the measurement, in seconds")
      ->capture_default_str();
  app.add_option("--latency", arguments.latency, "Length of a chunk")->capture_default_str();
  app.add_option("--lang", arguments.lang, "Language of the sound")->capture_default_str();
  app.add_option("--beam-size", arguments.beam_size, "Hypotheses; 1: greedy search")->capture_default_str();
  app.add_option("--config", arguments.config, "More options of glossa serve, YAML");
  CLI11_PARSE(app, argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "serve_load_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
