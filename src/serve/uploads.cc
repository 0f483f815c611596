#include "serve/uploads.h"

#include <mutex>
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
};

}  // namespace

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
  auto shared = std::make_shared<HttpRequest>(std::move(request));
  worker_.add([this, shared, reply, journey, read = std::move(read), refuse = std::move(refuse)] {
    try {
      Upload upload = read(*shared);
      const int sample_rate = scheduler_.recognizer().info().sample_rate;
      const double longest = scheduler_.longest_seconds();
      const bool is_raw = upload.samples.rate != 0 && !is_sound_file(upload.file);
      std::vector<float> samples =
          is_raw ? decode_samples(upload, sample_rate, longest) : decode_file(upload, sample_rate, longest);
      const SessionOptions options{
          .stream = upload.options, .kind = Kind::kFile, .silence = 0, .origin = shared->origin};
      std::shared_ptr<Session> session = scheduler_.open(options, answers_aside(std::move(upload.listener)));
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
