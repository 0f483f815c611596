// The end of every reduction on x86: four lanes to one. Included inside struct Vec, which has four_sums(Reg)
// and four_maxima(Reg). Both sums add ((lane 0 + lane 2) + (lane 1 + lane 3)), so one alone equals one of
// four.

static float reduce_add(Reg value) {
  const __m128 four = four_sums(value);
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static void reduce_add4(Reg a, Reg b, Reg c, Reg d, float* out) {
  const __m128 a4 = four_sums(a);
  const __m128 b4 = four_sums(b);
  const __m128 c4 = four_sums(c);
  const __m128 d4 = four_sums(d);
  const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a4, b4), _mm_unpackhi_ps(a4, b4));
  const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c4, d4), _mm_unpackhi_ps(c4, d4));
  _mm_storeu_ps(out, _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)));
}

static float reduce_max(Reg value) {
  const __m128 four = four_maxima(value);
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
