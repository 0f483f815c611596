// Random numbers that are a function of a seed and a counter alone: the same on every thread, machine and
// run.
#pragma once

#include <cstdint>
#include <numbers>

namespace glossa::train {

class CounterRandom {
 public:
  // `stream` separates independent uses of one seed.
  explicit CounterRandom(std::uint64_t seed, std::uint64_t stream = 0)
      : key_(mixed(seed + mixed(stream + kGolden))) {}

  std::uint64_t bits() { return mixed(key_ + kGolden * ++counter_); }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // 0 .. limit - 1; the bias, below limit / 2^64, is of no matter here.
  std::uint64_t below(std::uint64_t limit) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits()) * limit) >> 64);
  }
  // Of mean 0 and variance 1, within +-3.5: the sum of four uniform numbers from the bits of one draw. As
  // noise in sound it cannot be told from a normal distribution, and costs a tenth.
  double noise() {
    const std::uint64_t draw = bits();
    const auto sum =
        static_cast<double>((draw & 0xFFFF) + (draw >> 16 & 0xFFFF) + (draw >> 32 & 0xFFFF) + (draw >> 48));
    return (sum - 2 * 65535.0) * (std::numbers::sqrt3 / 65536);
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
  // SplitMix64's finaliser.
  static std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
  }

  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace glossa::train
