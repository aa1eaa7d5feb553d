/**
 * Superblocks of 256 columns: a header of f32 scales (and minima) of 8 rows, then 8 blocks whose scales are integers. A
 * scale of the header counts 2^-56, since those of int8 activations count 2^56 (quantize.ts): sums are true, and no
 * product of the smallest f16 with an integer is denormal. Products of both are exact: 11 bits times at most 8.
 *
 *   K32 (Q4_K, Q5_K)   header 64: scale[8] | -minimum[8]
 *                      block: weights | u8 scale[8] | u8 minimum[8]
 *   K16 (Q6_K, Q3_K)   header 32: scale[8]
 *                      block: weights | i8 scale[8] of columns 0…15 | i8 scale[8] of columns 16…31
 *   Q2_K               header 64: scale[8] | minimum[8] / 8
 *                      block: as K16 | u8 minimum[8] of columns 0…15 | of columns 16…31
 */
import { constant, C_SIXTEEN } from "./math";

/** f32 of the first four of eight i16. */
// @ts-ignore: decorator
@inline
export function floatsLow(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v));
}
// @ts-ignore: decorator
@inline
export function floatsHigh(v: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v));
}

/** Each of the first four i16 twice: a factor for both products of a lane of `i32x4.dot_i16x8_s`. */
// @ts-ignore: decorator
@inline
export function twiceLow(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7);
}
// @ts-ignore: decorator
@inline
export function twiceHigh(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15);
}

/** minimum + 16·scale: what weights of 5 bits add when they are counted from 16. */
// @ts-ignore: decorator
@inline
export function centred(minimum: v128, scale: v128): v128 {
  return f32x4.add(minimum, f32x4.mul(scale, constant(C_SIXTEEN)));
}
