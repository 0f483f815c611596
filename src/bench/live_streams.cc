#include "bench/live_streams.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "bench/stop_watch.h"
#include "bench/stream_search.h"

namespace glossa::bench {
namespace {

class SteadyClock : public LiveClock {
 public:
  double now() const override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void sleep_until(double time) override {
    std::this_thread::sleep_until(start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                               std::chrono::duration<double>(time)));
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class RecognizerWork : public LiveWork {
 public:
  RecognizerWork(const Recognizer& recognizer, const Setting& setting, std::span<const float> sound)
      : recognizer_(recognizer), setting_(setting), sound_(sound) {}

  // At least that many streams, none with sound that waits.
  void prepare(int streams) {
    std::vector<Stream*> batch;
    for (FedStream& fed : streams_) batch.push_back(&fed.stream());
    while (std::any_of(batch.begin(), batch.end(), [](const Stream* stream) { return stream->is_ready(); }))
      recognizer_.decode(batch);
    const int missing = streams - static_cast<int>(streams_.size());
    if (missing > 0) add_warm_streams(recognizer_, setting_, missing, sound_, streams_);
    sound_seconds_ = 0;
    tokens_before_ = tokens();
  }

  // A number that may just hold, from a batch that steps as fast as it can.
  int guess() {
    constexpr int kBatch = 8;
    constexpr int kSteps = 5;
    std::vector<int> batch(kBatch);
    std::iota(batch.begin(), batch.end(), 0);
    prepare(kBatch);
    std::vector<double> seconds;
    for (int step = 0; step < kSteps; ++step) {
      const StopWatch watch;
      for (const int stream : batch) accept_chunk(stream);
      decode(batch);
      seconds.push_back(watch.seconds());
    }
    const double sound = sound_seconds_ / kSteps;  // of one step
    return static_cast<int>(0.8 * sound / percentile(seconds, 50));
  }

  double chunk_seconds(int stream) const override { return at(stream).chunk_seconds(); }

  void accept_chunk(int stream) override { at(stream).accept_chunk(); }

  void decode(std::span<const int> streams) override {
    batch_.clear();
    for (const int stream : streams) batch_.push_back(&at(stream).stream());
    recognizer_.decode(batch_);
    for (const int stream : streams) {
      at(stream).tokens();  // what a program shows: the transcript
      sound_seconds_ += at(stream).chunk_seconds();
    }
  }

  // Since prepare(), per second of sound.
  double tokens_per_second() const {
    return sound_seconds_ > 0 ? (tokens() - tokens_before_) / sound_seconds_ : 0;
  }

 private:
  FedStream& at(int stream) { return streams_[static_cast<std::size_t>(stream)]; }
  const FedStream& at(int stream) const { return streams_[static_cast<std::size_t>(stream)]; }

  double tokens() const {
    double sum = 0;
    for (const FedStream& stream : streams_) sum += static_cast<double>(stream.tokens());
    return sum;
  }

  const Recognizer& recognizer_;
  const Setting& setting_;
  std::span<const float> sound_;
  std::vector<FedStream> streams_;
  std::vector<Stream*> batch_;
  double sound_seconds_ = 0;
  double tokens_before_ = 0;
};

}  // namespace

LiveStreams measure_live_streams(const Recognizer& recognizer, const Setting& setting,
                                 const LiveOptions& options, std::span<const float> sound,
                                 const Floor& floor) {
  RecognizerWork work(recognizer, setting, sound);
  SteadyClock clock;
  LiveStreams result{.setting = setting};
  const auto holds_for = [&](double seconds) {
    return [&, seconds](int streams) {
      work.prepare(streams);
      result.run = run_live(work, clock, streams, seconds);
      result.tokens_per_second = work.tokens_per_second();
      if (options.on_run) options.on_run(result.run);
      return result.run.holds();
    };
  };

  double chunks = 0;
  for (const AttContext& context : setting.contexts) chunks += context.chunk_frames();
  const double frame_seconds = recognizer.info().frame_seconds;
  result.chunk_seconds = frame_seconds * chunks / static_cast<double>(setting.contexts.size());
  double shortest = result.chunk_seconds;
  for (const AttContext& context : setting.contexts)
    shortest = std::min(shortest, frame_seconds * context.chunk_frames());
  result.ceiling = floor.streams(shortest, frame_seconds);

  if (options.streams) {
    holds_for(options.seconds)(*options.streams);
    return result;
  }
  constexpr double kSearchSeconds = 6;
  constexpr int kMostStreams = 10'000;
  const int largest =
      largest_that_holds(holds_for(std::min(options.seconds, kSearchSeconds)), work.guess(), kMostStreams);
  step_down_until_it_holds(holds_for(options.seconds), largest);
  return result;
}

}  // namespace glossa::bench
