// exp() for targets with vector registers wider than one float. Included inside struct Vec.
// Range reduction x = n ln 2 + r, then a polynomial of degree 6 on |r| <= ln 2 / 2 (minimax coefficients of
// Cephes' expf); relative error below 2e-7. Inputs are clamped to [-87.3, 88.3]; NaN gives NaN.

static Reg exp(Reg x) {
  x = clamp(x, set1(-87.3f), set1(88.3f));
  const Reg n = round(mul(x, set1(1.44269504088896341f)));
  Reg r = fma(n, set1(-0.693359375f), x);
  r = fma(n, set1(2.12194440e-4f), r);
  Reg p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = add(fma(mul(r, r), p, r), set1(1.0f));
  return times_power_of_2(p, n);
}
