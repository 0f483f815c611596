// Sound in, transcripts out, through the public interface: files in batches, or one stream while it arrives.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cli/inputs.h"
#include "cli/output_formats.h"
#include "glossa/recognizer.hpp"

namespace glossa::cli {

struct BatchOptions {
  StreamOptions stream;
  int batch_size = 8;
  bool use_entry_language = false;  // an input's target_lang goes before stream.target_lang
};

// What happens with the inputs, in their order.
struct BatchEvents {
  std::function<void(const Input& input, Recognition recognition)> recognized;
  std::function<void(const Input& input, const std::string& error)>
      failed;  // unusable file or language; work goes on
  // After every step: inputs done, fractions included, and seconds of sound recognised so far.
  std::function<void(double inputs, double seconds)> progressed;
};

// Takes `batch_size` inputs at a time, decodes their sound and steps their streams together.
void transcribe_batches(const Recognizer& recognizer, std::span<const Input> inputs,
                        const BatchOptions& options, const BatchEvents& events);

// The samples of an input at `sample_rate` Hz, cut to its offset and duration when it has an offset.
std::vector<float> read_input(const Input& input, int sample_rate);

// More samples at the model's rate; none at the end.
using SampleSource = std::function<std::optional<std::vector<float>>()>;

// One stream; `changed` is called whenever its text has grown or changed.
Recognition transcribe_live(const Recognizer& recognizer, const StreamOptions& options,
                            const std::string& name, const SampleSource& source,
                            const std::function<void(const Recognition&)>& changed);

}  // namespace glossa::cli
