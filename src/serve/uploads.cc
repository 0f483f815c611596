#include "serve/uploads.h"

#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "audio/audio_file.h"
#include "glossa/error.hpp"
#include "serve/memory_file.h"

namespace glossa::serve {
namespace {

// No more of it than a session takes and can tell from it that it was too long.
std::vector<float> decode_file(const Upload& upload, int sample_rate, double longest_seconds) {
  const MemoryFile file(upload.file, upload.name);
  const std::string path = file.path().string();
  try {
    return audio::read_audio(file.path(), sample_rate, {.duration = longest_seconds + 1}).samples;
  } catch (const Error& error) {  // in the client's words
    std::string message = error.what();
    for (std::size_t at = 0; (at = message.find(path, at)) != std::string::npos; at += upload.name.size())
      message.replace(at, path.size(), upload.name);
    throw Error(error.code(), message);
  }
}

std::vector<float> decode_samples(const Upload& upload, int sample_rate, double longest_seconds) {
  SampleReader reader(upload.samples, /*separate=*/false, sample_rate);
  std::vector<float> samples;
  const auto keep = [&](std::vector<std::vector<float>> sounds) {
    if (!sounds.empty()) samples.insert(samples.end(), sounds.front().begin(), sounds.front().end());
  };
  const double bytes = (longest_seconds + 1) * upload.samples.rate * upload.samples.channels *
                       static_cast<double>(sample_size(upload.samples.samples));
  keep(reader.push(upload.file.substr(0, static_cast<std::size_t>(bytes))));
  keep(reader.finish());
  return samples;
}

// The reply's client may leave while the file is being decoded or transcribed.
struct Journey {
  std::mutex mutex;
  bool gone = false;
  std::shared_ptr<Session> session;

  bool has_gone() {
    const std::lock_guard lock(mutex);
    return gone;
  }
};

}  // namespace

bool wait_to_decode(const Scheduler& scheduler, const Worker& worker, const std::function<bool()>& has_gone) {
  constexpr double kMostBacklog = 2 * 3600;  // seconds; 460 MB
  constexpr auto kPause = std::chrono::milliseconds(50);
  while (!worker.is_stopping() && !has_gone()) {
    if (scheduler.file_backlog() < kMostBacklog) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

void Uploads::transcribe(HttpRequest request, std::shared_ptr<HttpReply> reply, Read read, Refuse refuse) {
  auto journey = std::make_shared<Journey>();
  reply->on_gone([journey] {
    std::shared_ptr<Session> session;
    {
      const std::lock_guard lock(journey->mutex);
      journey->gone = true;
      session = journey->session;
    }
    if (session) session->cancel();
  });
  std::shared_ptr<FilePlace> place;  // of the job, which the worker drops before the scheduler goes
  try {
    place = scheduler_.take_file_place();
  } catch (const std::exception& error) {
    return refuse(*reply, error);
  }
  auto shared = std::make_shared<HttpRequest>(std::move(request));
  worker_.add([this, shared, reply, journey, place, read = std::move(read), refuse = std::move(refuse)] {
    if (!wait_to_decode(scheduler_, worker_, [&] { return journey->has_gone(); })) return;
    try {
      Upload upload = read(*shared);
      const int sample_rate = scheduler_.recognizer().info().sample_rate;
      const double longest = scheduler_.longest_seconds();
      const bool is_raw = upload.samples.rate != 0 && !is_sound_file(upload.file);
      std::vector<float> samples =
          is_raw ? decode_samples(upload, sample_rate, longest) : decode_file(upload, sample_rate, longest);
      const SessionOptions options{
          .stream = upload.options, .kind = Kind::kFile, .silence = 0, .origin = shared->origin};
      std::shared_ptr<Session> session =
          scheduler_.open(options, answers_aside(std::move(upload.listener)), *place);
      {
        const std::lock_guard lock(journey->mutex);
        if (!journey->gone) journey->session = session;
      }
      if (!journey->session) return session->cancel();
      session->push(std::move(samples));
      session->finish();
    } catch (const std::exception& error) {
      refuse(*reply, error);
    }
  });
}

// The answer to hours of sound takes longer to write than live streams can wait.
Listener Uploads::answers_aside(Listener listener) {
  auto shared = std::make_shared<const Listener>(std::move(listener));
  return [this, shared](const SessionUpdate& update) {
    if (!update.ended) return (*shared)(update);
    ++answering_;
    answers_.add([this, shared, transcript = std::make_shared<const Transcript>(update.transcript),
                  error = update.error, is_client_error = update.is_client_error] {
      (*shared)(
          {.transcript = *transcript, .ended = true, .error = error, .is_client_error = is_client_error});
      --answering_;
    });
  };
}

}  // namespace glossa::serve
