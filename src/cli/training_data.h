// The data of a training run, from its configuration: streams of cuts with their shares, and noise to mix in.
#pragma once

#include <vector>

#include "data/audio_reader.h"
#include "data/batch_sampler.h"
#include "data/cut_sources.h"
#include "train/augment/waveform.h"
#include "train/train_config.h"

namespace glossa::cli {

// The streams of train_ds, and replay's with weights such that they make up their share of all draws. Bad
// lines of manifests are told to log::warning() and passed over; a source without a single cut is Error
// kBadInput.
std::vector<data::WeightedCuts> training_streams(const train::TrainConfig& config);

// What train_ds says about batches.
data::SamplerOptions sampler_options(const train::TrainConfig& config, int rank, int ranks);

// The recordings of noise_path, each read when it is mixed in. `reader` must outlive the result.
train::NoiseSource noise_source(const train::DatasetConfig& dataset, const data::AudioReader& reader);

}  // namespace glossa::cli
