// The vocabulary of the NEON targets: 4 floats, and the part of Dot that needs no dot product instruction.
// Included in an anonymous namespace.
struct Vec {
  using Reg = float32x4_t;
  static constexpr int kWidth = 4;
  static constexpr int kTileRows = 6;  // 6 x 4 sums, 6 inputs, 1 weight: 31 of 32 registers

  static Reg load(const float* p) { return vld1q_f32(p); }
  // There are no masked loads and stores: element by element, count is 1 to 3.
  static Reg load_part(const float* p, std::int64_t count) {
    Reg value = vsetq_lane_f32(p[0], zero(), 0);
    if (count > 1) value = vsetq_lane_f32(p[1], value, 1);
    if (count > 2) value = vsetq_lane_f32(p[2], value, 2);
    return value;
  }
  static void store(float* p, Reg value) { vst1q_f32(p, value); }
  static void store_part(float* p, Reg value, std::int64_t count) {
    vst1q_lane_f32(p, value, 0);
    if (count > 1) vst1q_lane_f32(p + 1, value, 1);
    if (count > 2) vst1q_lane_f32(p + 2, value, 2);
  }
  static Reg keep_first(Reg value, std::int64_t count) {
    constexpr std::int32_t kLane[4] = {0, 1, 2, 3};
    const uint32x4_t mask = vcltq_s32(vld1q_s32(kLane), vdupq_n_s32(static_cast<std::int32_t>(count)));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), mask));
  }
  static Reg zero() { return vdupq_n_f32(0.0f); }
  static Reg set1(float value) { return vdupq_n_f32(value); }
  static Reg load_bf16(const std::uint16_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
  static Reg add(Reg a, Reg b) { return vaddq_f32(a, b); }
  static Reg sub(Reg a, Reg b) { return vsubq_f32(a, b); }
  static Reg mul(Reg a, Reg b) { return vmulq_f32(a, b); }
  static Reg div(Reg a, Reg b) { return vdivq_f32(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return vfmaq_f32(c, a, b); }
  static Reg max(Reg a, Reg b) { return vmaxnmq_f32(a, b); }  // of a number and a NaN the number
  static Reg clamp(Reg a, Reg low, Reg high) { return vminq_f32(vmaxq_f32(a, low), high); }  // NaN stays
  static Reg round(Reg a) { return vrndnq_f32(a); }
  static Reg times_power_of_2(Reg a, Reg n) {
    const int32x4_t exponent = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(a, vreinterpretq_f32_s32(exponent));
  }
#include "backend/cpu/kernels/exp-inl.h"

  // Both add ((lane 0 + lane 1) + (lane 2 + lane 3)), so one sum alone equals one of four.
  static float reduce_add(Reg value) {
    const Reg pairs = vpaddq_f32(value, value);
    return vgetq_lane_f32(vpaddq_f32(pairs, pairs), 0);
  }
  static void reduce_add4(Reg a, Reg b, Reg c, Reg d, float* out) {
    store(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
  }
  static float reduce_max(Reg value) { return vmaxnmvq_f32(value); }
};

// 16 bytes of weights: 4 inputs of 4 outputs.
struct NeonBytes {
  using Reg = int32x4_t;
  using Weights = int8x16_t;
  using Inputs = int8x16_t;
  using NibbleWeights = Weights;
  using NibbleInputs = Inputs;
  static constexpr int kLanes = 4;
  static constexpr std::int32_t kInt8Offset = 0;

  static Reg set1(std::int32_t value) { return vdupq_n_s32(value); }
  // The products are of signed bytes, so the offset goes at once: q + 128 with its highest bit turned is q.
  static Weights load(const std::uint8_t* p) {
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(0x80)));
  }
  template <bool kHigh>
  static NibbleWeights load_nibbles(const std::uint8_t* p) {
    const uint8x16_t bytes = vld1q_u8(p);
    return vreinterpretq_s8_u8(kHigh ? vshrq_n_u8(bytes, 4) : vandq_u8(bytes, vdupq_n_u8(0x0f)));
  }
  using Factors = int32x4_t;
  template <bool kHigh>
  static Factors load_factors(const std::uint8_t* p) {
    std::uint32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    four = (kHigh ? four >> 4 : four) & 0x0f0f0f0fu;
    const uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    const int32x4_t factors = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide)));
    return kHigh ? vnegq_s32(factors) : factors;
  }
  static Inputs broadcast(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  static NibbleInputs broadcast_nibbles(const std::int8_t* p) { return broadcast(p); }
  static void hide(Inputs& x) { __asm__("" : "+w"(x)); }
  static float32x4_t to_float(Reg sum) { return vcvtq_f32_s32(sum); }
  static float32x4_t load_as_float(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    const int8x8_t bytes = vreinterpret_s8_s32(vdup_n_s32(four));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
  }
  // The conversion makes 0 of NaN.
  static HalfSums round_block(const float* x, std::int64_t n, float factor, std::int8_t* values) {
    int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int first = 0; first < 32; first += 8) {
      int32x4_t parts[2];
      for (int part = 0; part < 2; ++part) {
        const std::int64_t position = first + 4 * part;
        const float32x4_t value = n >= position + 4 ? Vec::load(x + position)
                                  : n <= position   ? Vec::zero()
                                                    : Vec::load_part(x + position, n - position);
        parts[part] = vcvtnq_s32_f32(vmulq_n_f32(value, factor));
        sums[first / 16] = vaddq_s32(sums[first / 16], parts[part]);
      }
      vst1_s8(values + first, vqmovn_s16(vcombine_s16(vqmovn_s32(parts[0]), vqmovn_s32(parts[1]))));
    }
    return {vaddvq_s32(sums[0]), vaddvq_s32(sums[1])};
  }
};
