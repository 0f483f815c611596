#include "glossa/recognizer.hpp"
#include "checkpoint/checkpoint_name.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/fail.h"
#include "engine/drafted_stream.h"
#include "engine/recognizer_impl.h"
#include "engine/stage_clock.h"
#include "engine/stream.h"
#include "lm/arpa.h"
#include "model/tensor_spec.h"
#include "text/lang_tag.h"

namespace glossa {

Stream::~Stream() = default;
Recognizer::~Recognizer() = default;
LanguageModel::~LanguageModel() = default;

std::shared_ptr<const Recognizer> Recognizer::load(const RecognizerOptions& options) {
  constexpr int kMostThreads = 1024;
  if (options.threads < 0 || options.threads > kMostThreads) {
    fail_invalid_argument("threads is {}, expected 0 (one per core) to {}", options.threads, kMostThreads);
  }
  return std::make_shared<const engine::RecognizerImpl>(checkpoint::read_checkpoint(options.model), options);
}

namespace engine {
namespace {

// The reference backend computes every format as f32.
WeightFormat weight_format(const RecognizerOptions& options) {
  return options.backend == "reference" ? WeightFormat::kF32 : options.weights;
}

CacheFormat kv_cache_format(const RecognizerOptions& options) {
  if (options.kv_cache != CacheFormat::kAuto) return options.kv_cache;
  switch (weight_format(options)) {
    case WeightFormat::kF32:
      return CacheFormat::kF32;
    case WeightFormat::kBF16:
      return CacheFormat::kBF16;
    case WeightFormat::kInt8:
    case WeightFormat::kInt4:
      break;
  }
  return CacheFormat::kInt8;
}

std::unique_ptr<PackedWeights> weight_cache(const checkpoint::Checkpoint& checkpoint,
                                            const backend::Backend& backend,
                                            const RecognizerOptions& options) {
  if (!options.cache_packed_weights || weight_format(options) == WeightFormat::kF32) return nullptr;
  return std::make_unique<PackedWeights>(checkpoint, backend, options.weights, options.weight_cache_folder);
}

ModelInfo describe(const checkpoint::Checkpoint& checkpoint, const model::PromptTable& prompts,
                   const backend::Backend& backend, const RecognizerOptions& options) {
  const model::ModelConfig& config = checkpoint.config();
  ModelInfo info;
  info.name = checkpoint::checkpoint_name(options.model);
  info.sample_rate = config.features.sample_rate;
  info.hop = config.features.hop;
  info.vocabulary = config.predictor.vocabulary;
  info.frame_seconds = static_cast<double>(config.features.hop) * config.encoder.subsampling_factor /
                       config.features.sample_rate;
  for (const model::TensorSpec& spec : model::tensor_specs(config)) {
    if (!spec.optional) info.parameters += spec.elements();
  }
  info.has_prompt = config.has_prompt();
  info.att_contexts = config.encoder.att_contexts;
  if (options.default_att_context) {
    const AttContext first = *options.default_att_context;
    if (!model::is_usable(first)) {
      fail_invalid_argument(
          "default_att_context is [{},{}], expected up to {} with left a multiple of right + 1", first.left,
          first.right, model::kMostContext);
    }
    std::erase(info.att_contexts, first);
    info.att_contexts.insert(info.att_contexts.begin(), first);
  }
  info.languages = prompts.languages();
  info.backend = backend.name();
  info.weights = weight_format(options);
  info.kv_cache = kv_cache_format(options);
  info.threads = backend.threads();
  return info;
}

}  // namespace

struct RecognizerImpl::Workspace {
  EncoderWorkspace encoder;
  backend::Buffer prompt_hidden;
  backend::Buffer prompted;
  backend::Buffer projected;
  DecoderWorkspace decoder;
};

RecognizerImpl::RecognizerImpl(std::shared_ptr<const checkpoint::Checkpoint> checkpoint,
                               const RecognizerOptions& options)
    : checkpoint_(std::move(checkpoint)),
      config_(checkpoint_->config()),
      backend_(backend::make_backend(options.backend, options.threads)),
      store_(checkpoint_, *backend_, weight_format(options), weight_cache(*checkpoint_, *backend_, options),
             options.on_packing),
      prompts_(config_.prompt),
      pieces_(checkpoint_->tokenizer_model(), checkpoint_->source() + ": tokenizer"),
      detokenizer_(pieces_),
      lang_tags_(text::lang_tags_of(pieces_)),
      log_mel_(config_.features, store_.optional_values("preprocessor.featurizer.window"),
               store_.optional_values("preprocessor.featurizer.fb")),
      encoder_(*backend_, config_, store_, kv_cache_format(options)),
      predictor_(*backend_, config_.predictor, store_),
      joint_(*backend_, store_),
      greedy_decoder_(*backend_, predictor_, joint_, config_.predictor.blank_id()),
      beam_decoder_(*backend_, predictor_, joint_, config_.predictor.blank_id(),
                    greedy_decoder_.initial_state()),
      info_(describe(*checkpoint_, prompts_, *backend_, options)) {
  if (pieces_.size() != config_.predictor.vocabulary) {
    fail_bad_input("{}: the tokenizer has {} pieces, expected {} from decoder.vocab_size",
                   checkpoint_->source(), pieces_.size(), config_.predictor.vocabulary);
  }
  if (config_.has_prompt()) prompt_fusion_.emplace(*backend_, config_, store_);
  store_.finish();
}

RecognizerImpl::~RecognizerImpl() = default;

std::unique_ptr<Stream> RecognizerImpl::create_stream(const StreamOptions& options) const {
  if (options.draft_att_context) return std::make_unique<DraftedStream>(shared_from_this(), options);
  return std::make_unique<StreamImpl>(shared_from_this(), options);
}

std::shared_ptr<const LanguageModel> RecognizerImpl::load_language_model(
    const std::filesystem::path& path) const {
  const lm::NgramModel model = lm::read_arpa(path, pieces_.size());
  return std::make_shared<const LmFusion>(lm::NgramAutomaton(model, pieces_.size(), path.string()),
                                          lang_tags_);
}

int RecognizerImpl::prompt_slot(std::string_view lang, bool unknown_is_auto) const {
  if (unknown_is_auto && !prompts_.find(lang)) return prompts_.slot_of("auto");
  return prompts_.slot_of(lang);
}

void RecognizerImpl::step(std::span<Stream* const> given, const StageTap& tap, StageClock* clock) const {
  std::vector<Stream*> sorted(given.begin(), given.end());
  std::sort(sorted.begin(), sorted.end(), std::less<>());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    fail_invalid_argument("decode(): a stream was given twice");
  }
  std::vector<StreamImpl*> streams;
  std::vector<std::size_t> indices;  // into `given`
  for (std::size_t index = 0; index < given.size(); ++index) {
    auto* stream = dynamic_cast<EngineStream*>(given[index]);
    if (stream == nullptr || &stream->recognizer() != this) {
      fail_invalid_argument("decode(): stream {} was not made by this recogniser", index);
    }
    for (StreamImpl* search : stream->ready_searches()) {
      streams.push_back(search);
      indices.push_back(index);
    }
  }
  if (streams.empty()) return;
  std::unique_ptr<Workspace> workspace = borrow_workspace();
  workspace->encoder.layer.clock = clock;
  workspace->decoder.clock = clock;

  std::vector<MelChunk> chunks;
  std::vector<EncoderInput> encoder_inputs;
  for (StreamImpl* stream : streams) chunks.push_back(stream->take_chunk());
  for (std::size_t index = 0; index < streams.size(); ++index) {
    const MelChunk& chunk = chunks[index];
    EncoderCache& cache = streams[index]->encoder_cache();
    const backend::Matrix<const float> mels{chunk.mels.data(), chunk.frames, config_.features.mels,
                                            config_.features.mels};
    if (tap) tap("mel", indices[index], mels.rows_from(chunk.old_frames, chunk.frames - chunk.old_frames));
    encoder_inputs.push_back({.subsampling = {.mels = mels,
                                              .cache = chunk.window ? nullptr : &cache.subsampling(),
                                              .finish = chunk.finish,
                                              .drop_frames = chunk.drop_frames},
                              .cache = &cache});
  }
  const auto show = [&](std::string_view stage, backend::Matrix<const float> rows,
                        const std::vector<std::int64_t>& counts) {
    std::int64_t first = 0;
    for (std::size_t index = 0; index < counts.size(); ++index) {
      if (counts[index] > 0) tap(stage, indices[index], rows.rows_from(first, counts[index]));
      first += counts[index];
    }
  };
  Encoder::Observer observe;
  if (tap) {
    observe = [&](std::string_view stage, const EncodedFrames& frames) {
      show(stage, frames.rows, frames.counts);
    };
  }
  const EncodedFrames encoded = encoder_.step(encoder_inputs, workspace->encoder, observe);

  enter(clock, Stage::kPrompt);
  backend::Matrix<const float> fused = encoded.rows;
  if (prompt_fusion_) {
    std::vector<PromptRows> prompts;
    std::int64_t first = 0;
    for (std::size_t index = 0; index < streams.size(); ++index) {
      prompts.push_back({first, encoded.counts[index], streams[index]->prompt_slot()});
      first += encoded.counts[index];
    }
    fused = prompt_fusion_->apply(encoded.rows, prompts, workspace->prompt_hidden, workspace->prompted);
    if (tap) show("prompt", fused, encoded.counts);
  }
  const backend::Matrix<const float> projected = joint_.project_frames(fused, workspace->projected);
  if (tap) show("joint.enc", projected, encoded.counts);

  std::vector<DecoderInput> greedy;
  std::vector<BeamInput> beams;
  std::int64_t first = 0;
  for (std::size_t index = 0; index < streams.size(); ++index) {
    StreamImpl& stream = *streams[index];
    const backend::Matrix<const float> own = projected.rows_from(first, encoded.counts[index]);
    if (stream.has_beam())
      beams.push_back(stream.beam_input(own));
    else
      greedy.push_back(stream.greedy_input(own));
    first += encoded.counts[index];
  }
  greedy_decoder_.decode(greedy, workspace->decoder);
  beam_decoder_.decode(beams, workspace->decoder);
  enter(clock, Stage::kOther);
  return_workspace(std::move(workspace));
}

std::unique_ptr<RecognizerImpl::Workspace> RecognizerImpl::borrow_workspace() const {
  const std::lock_guard lock(workspaces_mutex_);
  if (workspaces_.empty()) return std::make_unique<Workspace>();
  std::unique_ptr<Workspace> workspace = std::move(workspaces_.back());
  workspaces_.pop_back();
  return workspace;
}

void RecognizerImpl::return_workspace(std::unique_ptr<Workspace> workspace) const {
  const std::lock_guard lock(workspaces_mutex_);
  workspaces_.push_back(std::move(workspace));
}

namespace {

const RecognizerImpl& loaded(const Recognizer& recognizer) {
  const auto* impl = dynamic_cast<const RecognizerImpl*>(&recognizer);
  if (impl == nullptr) fail_invalid_argument("expected a recogniser made by Recognizer::load()");
  return *impl;
}

}  // namespace

void decode_with_tap(const Recognizer& recognizer, std::span<Stream* const> streams, const StageTap& tap) {
  loaded(recognizer).step(streams, tap, nullptr);
}

void decode_with_profile(const Recognizer& recognizer, std::span<Stream* const> streams,
                         StepProfile& profile) {
  const RecognizerImpl& impl = loaded(recognizer);
  impl.backend().count_worker_time(true);
  const double busy = impl.backend().worker_seconds();
  const auto start = std::chrono::steady_clock::now();
  profile.stages.start();
  impl.step(streams, nullptr, &profile.stages);
  profile.stages.enter(Stage::kOther);
  profile.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  profile.worker_busy_seconds += impl.backend().worker_seconds() - busy;
  impl.backend().count_worker_time(false);
}

StepCost step_cost(const Recognizer& recognizer) {
  StepCost cost;
  for (const WeightStore::Bound& bound : loaded(recognizer).weights().bound()) {
    const bool per_label = bound.name.starts_with("decoder.") || bound.name.starts_with("joint.joint_net") ||
                           bound.name.starts_with("joint.pred.");
    const bool per_pixel = bound.name.starts_with("encoder.pre_encode.conv.");
    const bool once = bound.name.find("linear_pos") != std::string::npos;
    if (per_label || per_pixel || once) continue;
    cost.weight_bytes += bound.bytes;
    cost.multiply_adds_per_frame += bound.elements;
  }
  return cost;
}

}  // namespace engine
}  // namespace glossa
