#include "cli/transcriber.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "base/fail.h"

namespace glossa::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSliceSeconds = 10;         // of sound given to a stream at a time
constexpr double kOfflineSliceSeconds = 60;  // the same when one step takes many chunks

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<Alternative> best_of(const Stream& stream, int count) {
  if (count <= 1) return {};
  std::vector<Alternative> all = stream.alternatives();
  if (all.size() > static_cast<std::size_t>(count)) all.resize(static_cast<std::size_t>(count));
  return all;
}

// One input of a batch on its way, or one channel of it.
struct Track {
  const Input* input = nullptr;
  std::string error;
  std::vector<float> samples;
  std::size_t fed = 0;
  bool finished = false;
  std::unique_ptr<Stream> stream;

  // Gives the stream sound until it has work or there is no more.
  void feed(std::size_t slice) {
    while (!finished && !stream->is_ready()) {
      const std::size_t size = std::min(slice, samples.size() - fed);
      stream->accept_waveform(std::span(samples).subspan(fed, size));
      fed += size;
      if (fed == samples.size()) {
        stream->input_finished();
        finished = true;
        samples = std::vector<float>();  // gives the memory back
      }
    }
  }
};

// What makes a file or a language unusable is its input's problem, not the end of the work.
template <class Work>
std::string attempt(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) throw;
    return error.what();
  } catch (const std::filesystem::filesystem_error& error) {
    return error.what();
  }
  return {};
}

// The tracks of an input side by side; one with its error if it cannot be used.
std::vector<Track> open_tracks(const Recognizer& recognizer, std::span<const Input> inputs,
                               const BatchOptions& options, InputReader& reader) {
  const ModelInfo& model = recognizer.info();
  std::vector<Track> tracks;
  std::int64_t longest = 0;  // mel frames, as NeMo counts them
  for (const Input& input : inputs) {
    std::vector<std::vector<float>> sounds(1);
    const std::string error = attempt([&] { sounds = reader.read(input, options.channels); });
    for (std::vector<float>& samples : sounds) {
      longest = std::max(longest, static_cast<std::int64_t>(samples.size()) / model.hop + 1);
      tracks.push_back({.input = &input, .error = error, .samples = std::move(samples)});
    }
  }
  for (Track& track : tracks) {
    StreamOptions stream = options.stream;
    // A checkpoint of one language has nothing to choose.
    if (options.use_entry_language && model.has_prompt && track.input->target_lang)
      stream.target_lang = *track.input->target_lang;
    const bool as_nemo = stream.mode == StreamingMode::kNemoBuffer || stream.mode == StreamingMode::kUniform;
    if (as_nemo) stream.nemo_batch_mel_frames = longest;
    if (track.error.empty()) track.error = attempt([&] { track.stream = recognizer.create_stream(stream); });
  }
  return tracks;
}

// The end of the tracks of one input.
std::size_t end_of_input(const std::vector<Track>& tracks, std::size_t first) {
  std::size_t end = first;
  while (end < tracks.size() && tracks[end].input == tracks[first].input) ++end;
  return end;
}

}  // namespace

std::vector<std::vector<float>> InputReader::read(const Input& input, audio::ChannelUse use) {
  const auto read_file = [&] { return audio::read_channels(input.audio, sample_rate_, use).channels; };
  if (!input.offset) return read_file();
  if (input.audio != last_ || use != last_use_) {
    last_.clear();  // until the next one is there
    kept_ = std::vector<std::vector<float>>();
    kept_ = read_file();
    last_ = input.audio;
    last_use_ = use;
  }
  const std::size_t size = kept_.front().size();  // of every channel
  const auto index_of = [&](double seconds) {
    return static_cast<std::ptrdiff_t>(
        std::min(std::round(seconds * sample_rate_), static_cast<double>(size)));
  };
  const std::ptrdiff_t begin = index_of(*input.offset);
  if (begin >= static_cast<std::ptrdiff_t>(size)) {
    fail_bad_input("{}: offset is {} s, expected less than the file's {:.3f} s, from {}",
                   input.audio.string(), *input.offset, static_cast<double>(size) / sample_rate_, input.name);
  }
  const double duration = input.duration.value_or(0);
  const std::ptrdiff_t end =
      duration > 0 ? index_of(*input.offset + duration) : static_cast<std::ptrdiff_t>(size);
  std::vector<std::vector<float>> parts;
  for (const std::vector<float>& samples : kept_)
    parts.emplace_back(samples.begin() + begin, samples.begin() + end);
  return parts;
}

std::vector<float> InputReader::read(const Input& input) {
  return std::move(read(input, audio::ChannelUse::kMean).front());
}

void transcribe_batches(const Recognizer& recognizer, std::span<const Input> inputs,
                        const BatchOptions& options, const BatchEvents& events) {
  const ModelInfo& model = recognizer.info();
  const bool offline = options.stream.mode == StreamingMode::kOffline;
  const auto slice =
      static_cast<std::size_t>((offline ? kOfflineSliceSeconds : kSliceSeconds) * model.sample_rate);
  InputReader sounds(model.sample_rate);
  double seconds_before = 0;  // of sound in earlier batches
  for (std::size_t first = 0; first < inputs.size(); first += static_cast<std::size_t>(options.batch_size)) {
    const auto batch = inputs.subspan(
        first, std::min<std::size_t>(static_cast<std::size_t>(options.batch_size), inputs.size() - first));
    std::vector<Track> tracks = open_tracks(recognizer, batch, options, sounds);
    double batch_seconds = 0;
    for (const Track& track : tracks) {
      if (track.stream) batch_seconds += static_cast<double>(track.samples.size()) / model.sample_rate;
    }
    const auto start = Clock::now();
    std::vector<Stream*> ready;
    while (true) {
      ready.clear();
      double seconds = 0;
      for (Track& track : tracks) {
        if (!track.stream) continue;
        track.feed(slice);
        if (track.stream->is_ready()) ready.push_back(track.stream.get());
        seconds += static_cast<double>(track.fed) / model.sample_rate;
      }
      if (ready.empty()) break;
      const double part = batch_seconds > 0 ? std::min(seconds / batch_seconds, 1.0) : 1.0;
      events.progressed(static_cast<double>(first) + part * static_cast<double>(batch.size()),
                        seconds_before + seconds);
      recognizer.decode(ready);
    }
    const double spent = seconds_since(start);
    seconds_before += batch_seconds;
    for (std::size_t index = 0, end = 0; index < tracks.size(); index = end) {
      end = end_of_input(tracks, index);
      const Input& input = *tracks[index].input;
      if (!tracks[index].stream) {
        events.failed(input, tracks[index].error);
        continue;
      }
      std::vector<Recognition> channels;
      for (const Track& track : std::span(tracks).subspan(index, end - index)) {
        Recognition& recognition = channels.emplace_back();
        recognition.audio_filepath = input.audio.string();
        recognition.transcript = track.stream->transcript();
        recognition.alternatives = best_of(*track.stream, options.n_best);
        const double share = batch_seconds > 0 ? recognition.transcript.duration / batch_seconds
                                               : 1.0 / static_cast<double>(tracks.size());
        recognition.processing_seconds = spent * share;
      }
      events.recognized(input, channels);
    }
  }
}

Recognition transcribe_live(const Recognizer& recognizer, const StreamOptions& options, int n_best,
                            const std::string& name, const SampleSource& source,
                            const std::function<void(const Recognition&)>& changed) {
  const auto stream = recognizer.create_stream(options);
  Stream* ready[] = {stream.get()};
  Recognition recognition{.audio_filepath = name};
  const bool drafts = options.draft_att_context || options.beam_size > 1;
  if (drafts) recognition.draft = "";
  for (bool open = true; open;) {
    const auto samples = source();  // may wait: not part of the computing time
    const auto start = Clock::now();
    open = samples.has_value();
    if (samples) {
      stream->accept_waveform(*samples);
    } else {
      stream->input_finished();
    }
    while (stream->is_ready()) recognizer.decode(ready);
    recognition.processing_seconds += seconds_since(start);
    std::optional<std::string> draft;
    if (drafts) draft = behind(stream->drafted().text, stream->transcript().text);
    const bool has_changed =
        stream->transcript().text != recognition.transcript.text || draft != recognition.draft;
    if (has_changed || !open) recognition.transcript = stream->transcript();
    recognition.draft = std::move(draft);
    if (has_changed && open) changed(recognition);
  }
  recognition.alternatives = best_of(*stream, n_best);
  return recognition;
}

}  // namespace glossa::cli
