// Sound in, transcripts out, through the public interface: files in batches, or one stream while it arrives.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "audio/audio_file.h"
#include "cli/inputs.h"
#include "cli/output_formats.h"
#include "glossa/recognizer.hpp"

namespace glossa::cli {

struct BatchOptions {
  StreamOptions stream;
  int batch_size = 8;
  int n_best = 1;                   // more than 1: Recognition::alternatives are filled in
  bool use_entry_language = false;  // an input's target_lang goes before stream.target_lang
  audio::ChannelUse channels = audio::ChannelUse::kMean;  // kSeparate: each channel of an input is a stream
};

// What happens with the inputs, in their order.
struct BatchEvents {
  // One recognition, or one of each channel.
  std::function<void(const Input& input, std::span<const Recognition> channels)> recognized;
  std::function<void(const Input& input, const std::string& error)>
      failed;  // unusable file or language; work goes on
  // After every step: inputs done, fractions included, and seconds of sound recognised so far.
  std::function<void(double inputs, double seconds)> progressed;
};

// Takes `batch_size` inputs at a time, decodes their sound and steps their streams together.
void transcribe_batches(const Recognizer& recognizer, std::span<const Input> inputs,
                        const BatchOptions& options, const BatchEvents& events);

// Samples of inputs at `sample_rate` Hz, cut to offset and duration when they have an offset; duration 0: to
// the end. A file of which parts are asked for is kept until another one is: a manifest has its segments side
// by side. For one thread.
class InputReader {
 public:
  explicit InputReader(int sample_rate) : sample_rate_(sample_rate) {}
  std::vector<float> read(const Input& input);  // the mean of the channels
  std::vector<std::vector<float>> read(const Input& input, audio::ChannelUse use);

 private:
  int sample_rate_;
  std::filesystem::path last_;  // whose samples are kept; empty: none's
  audio::ChannelUse last_use_ = audio::ChannelUse::kMean;
  std::vector<std::vector<float>> kept_;
};

// More samples at the model's rate; none at the end.
using SampleSource = std::function<std::optional<std::vector<float>>()>;

// One stream; `changed` is called whenever its text or its draft has grown or changed. `n_best` as in
// BatchOptions.
Recognition transcribe_live(const Recognizer& recognizer, const StreamOptions& options, int n_best,
                            const std::string& name, const SampleSource& source,
                            const std::function<void(const Recognition&)>& changed);

}  // namespace glossa::cli
