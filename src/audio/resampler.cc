#include "audio/resampler.h"

#include <soxr.h>

#include <algorithm>
#include <cstddef>

#include "base/fail.h"

namespace glossa::audio {
namespace {

constexpr std::size_t kOutputBlock = 1u << 14;  // samples fetched from soxr at a time

struct SoxrDeleter {
  void operator()(soxr_t soxr) const { soxr_delete(soxr); }
};

}  // namespace

class Resampler::Impl {
 public:
  Impl(int from_rate, int to_rate) {
    if (from_rate < 1 || from_rate > kMaxRate || to_rate < 1 || to_rate > kMaxRate) {
      fail_invalid_argument("cannot resample (expected rates of 1 to {} Hz, got {} Hz to {} Hz)", kMaxRate,
                            from_rate, to_rate);
    }
    if (from_rate == to_rate) return;
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(/*num_threads=*/1);
    soxr_error_t error = nullptr;
    soxr_.reset(soxr_create(from_rate, to_rate, /*num_channels=*/1, &error, &io, &quality, &runtime));
    if (error != nullptr) {
      throw Error(ErrorCode::kInternal, fmt::format("soxr cannot resample {} Hz to {} Hz: {}", from_rate,
                                                    to_rate, soxr_strerror(error)));
    }
  }

  std::vector<float> push(std::span<const float> samples) {
    if (finished_) fail_invalid_argument("the resampler got samples after finish()");
    if (!soxr_) return {samples.begin(), samples.end()};
    std::vector<float> output;
    // An input of zero samples would tell soxr that the signal ends.
    while (!samples.empty()) {
      const std::size_t used = process(samples.data(), samples.size(), output);
      samples = samples.subspan(used);
    }
    return output;
  }

  std::vector<float> finish() {
    std::vector<float> output;
    if (soxr_ && !finished_) {
      std::size_t before = 0;
      do {
        before = output.size();
        process(nullptr, 0, output);
      } while (output.size() > before);
    }
    finished_ = true;
    return output;
  }

 private:
  // Appends what comes out to `output`, returns how many samples went in.
  std::size_t process(const float* input, std::size_t size, std::vector<float>& output) {
    const std::size_t before = output.size();
    output.resize(before + kOutputBlock);
    std::size_t used = 0;
    std::size_t made = 0;
    const soxr_error_t error =
        soxr_process(soxr_.get(), input, size, &used, output.data() + before, kOutputBlock, &made);
    output.resize(before + made);
    if (error != nullptr) {
      throw Error(ErrorCode::kInternal, fmt::format("soxr failed: {}", soxr_strerror(error)));
    }
    return used;
  }

  std::unique_ptr<std::remove_pointer_t<soxr_t>, SoxrDeleter> soxr_;  // none: equal rates
  bool finished_ = false;
};

Resampler::Resampler(int from_rate, int to_rate) : impl_(std::make_unique<Impl>(from_rate, to_rate)) {}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

std::vector<float> Resampler::push(std::span<const float> samples) { return impl_->push(samples); }
std::vector<float> Resampler::finish() { return impl_->finish(); }

std::vector<float> resample(std::span<const float> samples, int from_rate, int to_rate) {
  Resampler resampler(from_rate, to_rate);
  std::vector<float> output = resampler.push(samples);
  const std::vector<float> rest = resampler.finish();
  output.insert(output.end(), rest.begin(), rest.end());
  return output;
}

}  // namespace glossa::audio
