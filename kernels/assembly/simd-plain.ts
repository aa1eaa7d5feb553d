/** The twin of `simd.ts` in plain SIMD: equal bits, any engine. The build puts it in simd.ts's place. */

// @ts-ignore: decorator
@inline
export function dot(x: v128, w: v128): v128 {
  const low = i16x8.extmul_low_i8x16_s(x, w);
  const high = i16x8.extmul_high_i8x16_s(x, w);
  const even = i8x16.shuffle(low, high, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
  const odd = i8x16.shuffle(low, high, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  return i16x8.add(even, odd);
}

/** v >> n, rounded to nearest, in every i16 lane, for a factor 2^(15 - n); repacking compensates the rounding. */
// @ts-ignore: decorator
@inline
export function shiftRight(v: v128, factor: v128): v128 {
  return i16x8.q15mulr_sat_s(v, factor);
}
