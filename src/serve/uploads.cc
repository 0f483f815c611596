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

using Sounds = std::vector<std::vector<float>>;

// No more of it than a session takes and can tell from it that it was too long.
Sounds decode_file(const Upload& upload, int sample_rate, double longest_seconds) {
  const MemoryFile file(upload.file, upload.name);
  const std::string path = file.path().string();
  try {
    const audio::AudioPart part{.duration = longest_seconds + 1};
    const auto use = upload.separate ? audio::ChannelUse::kSeparate : audio::ChannelUse::kMean;
    return audio::read_channels(file.path(), sample_rate, use, part).channels;
  } catch (const Error& error) {  // in the client's words
    std::string message = error.what();
    for (std::size_t at = 0; (at = message.find(path, at)) != std::string::npos; at += upload.name.size())
      message.replace(at, path.size(), upload.name);
    throw Error(error.code(), message);
  }
}

Sounds decode_samples(const Upload& upload, int sample_rate, double longest_seconds) {
  const double bytes = (longest_seconds + 1) * upload.samples.rate * upload.samples.channels *
                       static_cast<double>(sample_size(upload.samples.samples));
  return read_samples(upload.file.substr(0, static_cast<std::size_t>(bytes)), upload.samples, upload.separate,
                      sample_rate);
}

void cancel_all(const std::vector<std::shared_ptr<Session>>& sessions) {
  for (const auto& session : sessions) session->cancel();
}

}  // namespace

// The reply's client may leave while the file is being decoded or transcribed.
struct Uploads::Journey {
  std::mutex mutex;
  bool gone = false;
  std::vector<std::shared_ptr<Session>> sessions;

  bool has_gone() {
    const std::lock_guard lock(mutex);
    return gone;
  }

  std::vector<std::shared_ptr<Session>> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(sessions, {});
  }
};

bool wait_to_decode(const Scheduler& scheduler, const Worker& worker, const std::function<bool()>& has_gone) {
  constexpr double kMostFileBacklog = 2 * 3600;  // seconds; 460 MB
  constexpr auto kPause = std::chrono::milliseconds(50);
  while (!worker.is_stopping() && !has_gone()) {
    if (scheduler.file_backlog() < kMostFileBacklog) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

void Uploads::transcribe(HttpRequest request, std::shared_ptr<HttpReply> reply, Read read, Refuse refuse) {
  auto journey = std::make_shared<Journey>();
  reply->on_gone([journey] {
    {
      const std::lock_guard lock(journey->mutex);
      journey->gone = true;
    }
    cancel_all(journey->take());
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
      Sounds sounds =
          is_raw ? decode_samples(upload, sample_rate, longest) : decode_file(upload, sample_rate, longest);
      const SessionOptions options{
          .stream = upload.options, .kind = Kind::kFile, .silence = 0, .origin = shared->origin};
      open_sessions(std::move(sounds), options, std::move(upload), *place, journey);
    } catch (const std::exception& error) {
      refuse(*reply, error);
    }
  });
}

void Uploads::open_sessions(std::vector<std::vector<float>> sounds, const SessionOptions& options,
                            Upload upload, FilePlace& place, const std::shared_ptr<Journey>& journey) {
  const auto listener = std::make_shared<const decltype(upload.listener)>(std::move(upload.listener));
  std::vector<std::shared_ptr<Session>> sessions;
  try {
    for (std::size_t index = 0; index < sounds.size(); ++index) {
      // The journey holds the sessions, and they this.
      Listener one = answers_aside([listener, weak = std::weak_ptr(journey),
                                    sound = UploadSound{index, sounds.size()}](const SessionUpdate& update) {
        (*listener)(sound, update);
        if (update.error.empty()) return;
        if (const auto others = weak.lock()) cancel_all(others->take());  // that is the answer
      });
      sessions.push_back(scheduler_.open(options, std::move(one), place));
    }
  } catch (...) {
    cancel_all(sessions);
    throw;
  }
  bool gone = false;
  {
    const std::lock_guard lock(journey->mutex);
    gone = journey->gone;
    if (!gone) journey->sessions = sessions;
  }
  if (gone) return cancel_all(sessions);
  for (std::size_t index = 0; index < sounds.size(); ++index) {
    sessions[index]->push(std::move(sounds[index]));
    sessions[index]->finish();
  }
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
