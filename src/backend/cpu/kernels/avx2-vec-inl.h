// The vocabulary of the AVX2 targets: 8 floats, and the part of Dot that needs no dot product instruction.
// Included in an anonymous namespace.
struct Vec {
  using Reg = __m256;
  static constexpr int kWidth = 8;
  static constexpr int kTileRows = 3;  // 3 x 4 sums, 3 inputs, 1 weight: all 16 registers

  static __m256i mask(std::int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Reg load(const float* p) { return _mm256_loadu_ps(p); }
  static Reg load_part(const float* p, std::int64_t count) { return _mm256_maskload_ps(p, mask(count)); }
  static void store(float* p, Reg value) { _mm256_storeu_ps(p, value); }
  static void store_part(float* p, Reg value, std::int64_t count) {
    _mm256_maskstore_ps(p, mask(count), value);
  }
  static Reg keep_first(Reg value, std::int64_t count) {
    return _mm256_and_ps(value, _mm256_castsi256_ps(mask(count)));
  }
  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg set1(float value) { return _mm256_set1_ps(value); }
  static Reg load_bf16(const std::uint16_t* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  // Both instructions give their second operand when one is NaN.
  static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  static Reg clamp(Reg a, Reg low, Reg high) { return _mm256_min_ps(high, _mm256_max_ps(low, a)); }
  static Reg round(Reg a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg times_power_of_2(Reg a, Reg n) {
    const __m256i exponent =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
  }
#include "backend/cpu/kernels/exp-inl.h"

  static __m128 four_sums(Reg a) {
    return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  }
  static __m128 four_maxima(Reg a) {
    return _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  }
#include "backend/cpu/kernels/x86-reduce-inl.h"
};

struct Avx2Bytes {
  using Reg = __m256i;
  using NibbleWeights = __m256i;
  using NibbleInputs = __m256i;
  static constexpr int kLanes = 8;
  static constexpr std::int32_t kInt8Offset = 128;

  static Reg set1(std::int32_t value) { return _mm256_set1_epi32(value); }
  template <bool kHigh>
  static NibbleWeights load_nibbles(const std::uint8_t* p) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_and_si256(kHigh ? _mm256_srli_epi16(bytes, 4) : bytes, _mm256_set1_epi8(0x0f));
  }
  // In 16 bits, zeros above.
  template <bool kHigh>
  static __m256i load_factors(const std::uint8_t* p) {
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    if constexpr (kHigh) return _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_srli_epi32(bytes, 4));
    return _mm256_and_si256(bytes, _mm256_set1_epi32(15));
  }
  static NibbleInputs broadcast_nibbles(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static __m256 to_float(Reg sum) { return _mm256_cvtepi32_ps(sum); }
  static __m256 load_as_float(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static HalfSums round_block(const float* x, std::int64_t n, float factor, std::int8_t* values) {
    const __m256 scale = _mm256_set1_ps(factor);
    __m256i parts[4];
    for (int part = 0; part < 4; ++part) {
      const std::int64_t rest = n - 8 * part;
      const __m256 value = rest >= 8   ? Vec::load(x + 8 * part)
                           : rest <= 0 ? Vec::zero()
                                       : Vec::load_part(x + 8 * part, rest);
      const __m256 steps = _mm256_mul_ps(value, scale);
      const __m256 numbers = _mm256_and_ps(steps, _mm256_cmp_ps(steps, steps, _CMP_ORD_Q));  // NaN becomes 0
      parts[part] = _mm256_cvtps_epi32(numbers);
    }
    // The packs work within halves: the 4-byte groups come out as 0 2 4 6 1 3 5 7.
    const __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(parts[0], parts[1]), _mm256_packs_epi32(parts[2], parts[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(values),
                        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    return {sum(_mm256_add_epi32(parts[0], parts[1])), sum(_mm256_add_epi32(parts[2], parts[3]))};
  }
  static std::int32_t sum(Reg lanes) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
  }
};
