/**
 * The two instructions whose relaxed form is faster, relaxed variant. `simd-plain.ts` is its twin with equal bits for
 * the operands the kernels use: dot with w in 0 … 63 and x in -127 … 127 (|sum of two| ≤ 16002), shifts by factors 2^n,
 * 9 ≤ n ≤ 13.
 */

// @ts-ignore: decorator
@inline
export function dot(x: v128, w: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(x, w);
}

/** v >> n, rounded to nearest, in every i16 lane, for a factor 2^(15 - n); repacking compensates the rounding. */
// @ts-ignore: decorator
@inline
export function shiftRight(v: v128, factor: v128): v128 {
  return i16x8.relaxed_q15mulr_s(v, factor);
}
