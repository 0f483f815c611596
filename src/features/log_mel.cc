#include "features/log_mel.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <kissfft/kissfft.hh>
#include <numbers>

namespace glossa::features {
namespace {

constexpr float kLogGuard = 0x1p-24f;  // NeMo: log_zero_guard_value 2^-24, added

// The columns where a filter is not zero: most of a 128 x 257 filter bank is.
struct Filter {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Filter> nonzero_parts(std::span<const float> filters, int mels) {
  const std::size_t bins = filters.size() / static_cast<std::size_t>(mels);
  std::vector<Filter> parts(static_cast<std::size_t>(mels));
  for (std::size_t mel = 0; mel < parts.size(); ++mel) {
    const auto row = filters.subspan(mel * bins, bins);
    std::size_t first = 0;
    std::size_t last = bins;
    while (first < last && row[first] == 0.0f) ++first;
    while (last > first && row[last - 1] == 0.0f) --last;
    parts[mel].first = static_cast<int>(first);
    parts[mel].weights.assign(row.begin() + static_cast<std::ptrdiff_t>(first),
                              row.begin() + static_cast<std::ptrdiff_t>(last));
  }
  return parts;
}

}  // namespace

class LogMel::Impl {
 public:
  Impl(const model::FeatureConfig& config, std::span<const float> window, std::span<const float> filters)
      : config_(config), fft_(static_cast<std::size_t>(config.fft) / 2, /*inverse=*/false) {
    window_ = window.empty() ? hann_window(config.window) : std::vector<float>(window.begin(), window.end());
    window_offset_ = (config.fft - config.window) / 2;
    filters_ = filters.empty() ? nonzero_parts(slaney_filters(config), config.mels)
                               : nonzero_parts(filters, config.mels);
    int last = config.window - 1;
    while (last > 0 && window_[static_cast<std::size_t>(last)] == 0.0f) --last;
    lookahead_ = window_offset_ + last - config.fft / 2 + 1;
  }

  const model::FeatureConfig& config() const { return config_; }
  int lookahead() const { return lookahead_; }

  void frame(std::span<const float> samples, std::span<float> mels) const {
    const auto half = static_cast<std::size_t>(config_.fft / 2);
    thread_local std::vector<float> windowed;
    thread_local std::vector<std::complex<float>> spectrum;
    thread_local std::vector<float> power;
    windowed.assign(2 * half, 0.0f);
    spectrum.resize(half);
    power.resize(half + 1);
    const auto offset = static_cast<std::size_t>(window_offset_);
    for (std::size_t index = 0; index < window_.size(); ++index) {
      windowed[offset + index] = samples[offset + index] * window_[index];
    }
    fft_.transform_real(windowed.data(), spectrum.data());
    // kissfft packs the two real bins, 0 and fft / 2, into the first output.
    power[0] = spectrum[0].real() * spectrum[0].real();
    power[half] = spectrum[0].imag() * spectrum[0].imag();
    for (std::size_t bin = 1; bin < half; ++bin) {
      power[bin] = spectrum[bin].real() * spectrum[bin].real() + spectrum[bin].imag() * spectrum[bin].imag();
    }
    for (std::size_t mel = 0; mel < filters_.size(); ++mel) {
      const Filter& filter = filters_[mel];
      float sum = 0;
      for (std::size_t index = 0; index < filter.weights.size(); ++index) {
        sum += filter.weights[index] * power[static_cast<std::size_t>(filter.first) + index];
      }
      mels[mel] = std::log(sum + kLogGuard);
    }
  }

 private:
  model::FeatureConfig config_;
  kissfft<float> fft_;
  int window_offset_ = 0;
  int lookahead_ = 0;
  std::vector<float> window_;
  std::vector<Filter> filters_;
};

LogMel::LogMel(const model::FeatureConfig& config, std::span<const float> window,
               std::span<const float> filters)
    : impl_(std::make_unique<const Impl>(config, window, filters)) {}
LogMel::~LogMel() = default;
const model::FeatureConfig& LogMel::config() const { return impl_->config(); }
int LogMel::lookahead() const { return impl_->lookahead(); }
void LogMel::frame(std::span<const float> samples, std::span<float> mels) const {
  impl_->frame(samples, mels);
}

std::vector<float> hann_window(int size) {
  std::vector<float> window(static_cast<std::size_t>(size));
  for (int index = 0; index < size; ++index) {
    window[static_cast<std::size_t>(index)] =
        static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * index / std::max(1, size - 1)));
  }
  return window;
}

std::vector<float> slaney_filters(const model::FeatureConfig& config) {
  // Slaney's scale: linear below 1000 Hz, logarithmic above.
  constexpr double kLinearSlope = 3.0 / 200.0;
  constexpr double kBreakHz = 1000.0;
  constexpr double kBreakMel = 15.0;
  const double log_slope = 27.0 / std::log(6.4);
  const auto to_mel = [&](double hz) {
    return hz < kBreakHz ? hz * kLinearSlope : kBreakMel + log_slope * std::log(hz / kBreakHz);
  };
  const auto to_hz = [&](double mel) {
    return mel < kBreakMel ? mel / kLinearSlope : kBreakHz * std::exp((mel - kBreakMel) / log_slope);
  };
  const int bins = config.fft / 2 + 1;
  const double top = to_mel(config.sample_rate / 2.0);
  std::vector<double> edges(static_cast<std::size_t>(config.mels) + 2);
  for (std::size_t index = 0; index < edges.size(); ++index) {
    edges[index] = to_hz(top * static_cast<double>(index) / static_cast<double>(config.mels + 1));
  }
  std::vector<float> filters(static_cast<std::size_t>(config.mels) * static_cast<std::size_t>(bins));
  for (std::size_t mel = 0; mel < static_cast<std::size_t>(config.mels); ++mel) {
    const double low = edges[mel];
    const double centre = edges[mel + 1];
    const double high = edges[mel + 2];
    for (int bin = 0; bin < bins; ++bin) {
      const double hz = static_cast<double>(bin) * config.sample_rate / config.fft;
      const double height =
          std::max(0.0, std::min((hz - low) / (centre - low), (high - hz) / (high - centre)));
      filters[mel * static_cast<std::size_t>(bins) + static_cast<std::size_t>(bin)] =
          static_cast<float>(height * 2.0 / (high - low));
    }
  }
  return filters;
}

}  // namespace glossa::features
