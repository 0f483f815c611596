// The vocabulary of the AVX-512 targets: 16 floats, and the part of Dot that needs no VNNI. Included in an
// anonymous namespace.
struct Vec {
  using Reg = __m512;
  static constexpr int kWidth = 16;
  static constexpr int kTileRows = 6;  // 6 x 4 sums, 6 inputs, 1 weight: 31 of 32 registers

  static __mmask16 mask(std::int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
  static Reg load(const float* p) { return _mm512_loadu_ps(p); }
  static Reg load_part(const float* p, std::int64_t count) { return _mm512_maskz_loadu_ps(mask(count), p); }
  static void store(float* p, Reg value) { _mm512_storeu_ps(p, value); }
  static void store_part(float* p, Reg value, std::int64_t count) {
    _mm512_mask_storeu_ps(p, mask(count), value);
  }
  static Reg keep_first(Reg value, std::int64_t count) { return _mm512_maskz_mov_ps(mask(count), value); }
  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg set1(float value) { return _mm512_set1_ps(value); }
  static Reg load_bf16(const std::uint16_t* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  // Both instructions give their second operand when one is NaN.
  static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  static Reg clamp(Reg a, Reg low, Reg high) { return _mm512_min_ps(high, _mm512_max_ps(low, a)); }
  static Reg round(Reg a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
  static Reg times_power_of_2(Reg a, Reg n) { return _mm512_scalef_ps(a, n); }
#include "backend/cpu/kernels/exp-inl.h"

  static __m128 four_sums(Reg a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  static __m128 four_maxima(Reg a) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    return _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
#include "backend/cpu/kernels/x86-reduce-inl.h"
};

struct Avx512Bytes {
  using Reg = __m512i;
  using NibbleWeights = __m512i;
  using NibbleInputs = __m512i;
  static constexpr int kLanes = 16;
  static constexpr std::int32_t kInt8Offset = 128;

  static Reg set1(std::int32_t value) { return _mm512_set1_epi32(value); }
  template <bool kHigh>
  static NibbleWeights load_nibbles(const std::uint8_t* p) {
    const __m512i bytes = _mm512_loadu_si512(p);
    return _mm512_and_si512(kHigh ? _mm512_srli_epi16(bytes, 4) : bytes, _mm512_set1_epi8(0x0f));
  }
  // In 16 bits, zeros above.
  template <bool kHigh>
  static __m512i load_factors(const std::uint8_t* p) {
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    if constexpr (kHigh) return _mm512_sub_epi16(_mm512_setzero_si512(), _mm512_srli_epi32(bytes, 4));
    return _mm512_and_si512(bytes, _mm512_set1_epi32(15));
  }
  static NibbleInputs broadcast_nibbles(const std::int8_t* p) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static __m512 to_float(__m512i sum) { return _mm512_cvtepi32_ps(sum); }
  static __m512 load_as_float(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static HalfSums round_block(const float* x, std::int64_t n, float factor, std::int8_t* values) {
    const __m512 scale = _mm512_set1_ps(factor);
    const auto mask = [n](std::int64_t first) {
      return n >= first + 16 ? __mmask16{0xffff} : n <= first ? __mmask16{0} : Vec::mask(n - first);
    };
    const auto steps = [&](std::int64_t first) {
      const __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask(first), x + first), scale);
      return _mm512_maskz_cvtps_epi32(_mm512_cmp_ps_mask(value, value, _CMP_ORD_Q), value);  // NaN becomes 0
    };
    const __m512i low = steps(0);
    const __m512i high = steps(16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values), _mm512_cvtsepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values + 16), _mm512_cvtsepi32_epi8(high));
    return {_mm512_reduce_add_epi32(low), _mm512_reduce_add_epi32(high)};
  }
};
