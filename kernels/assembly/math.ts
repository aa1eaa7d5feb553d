/**
 * Leaves shared by all families: constants, lane broadcasts, horizontal sums in one fixed order, e^x.
 * Everything is plain IEEE f32 (no fused multiply-add), so bits do not depend on the engine.
 */
import { ARGUMENTS, CONSTANTS } from "./layout";

// Indices of the constants table; `initConstants` writes it.
export const C_ONES_16 = 0;
export const C_NIBBLE = 1;
export const C_2048 = 2;
export const C_ONES_8 = 3;
export const C_MINUS_8 = 4;
export const C_MAGIC = 5;
export const C_MAGIC_BITS = 6;
export const C_EXP_MIN = 7;
export const C_LOG2E = 8;
export const C_LN2_HIGH = 9;
export const C_LN2_LOW = 10;
export const C_EXP_0 = 11; // six coefficients
export const C_ONE = 17;
export const C_F16_MAGIC = 18;
export const C_LANES = 19;
export const C_MINUS_HUGE = 20;
export const C_BITS = 21;

/** Constant i of the table: cheaper than building it in a loop. */
// @ts-ignore: decorator
@inline
export function constant(i: i32): v128 {
  return v128.load(<usize>(CONSTANTS + i * 16));
}

// @ts-ignore: decorator
@inline
export function argument(i: i32): usize {
  return load<u32>(<usize>(ARGUMENTS + i * 4));
}

// @ts-ignore: decorator
@inline
export function floatArgument(i: i32): f32 {
  return load<f32>(<usize>(ARGUMENTS + i * 4));
}

// One 32-bit lane in all four places: a single vpshufd.
// @ts-ignore: decorator
@inline
export function lane0(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}
// @ts-ignore: decorator
@inline
export function lane1(v: v128): v128 {
  return i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
}
// @ts-ignore: decorator
@inline
export function lane2(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11);
}
// @ts-ignore: decorator
@inline
export function lane3(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
}

/** (a + b) + (c + d) */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Largest lane; a NaN in lane 0 of the last fold stays. */
// @ts-ignore: decorator
@inline
export function maxLanes(v: v128): f32 {
  const a = f32x4.pmax(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const b = f32x4.pmax(a, i8x16.shuffle(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  return f32x4.extract_lane(b, 0);
}

/** Nearest integers (ties to even) of |v| < 2^22 as i32. */
// @ts-ignore: decorator
@inline
export function round(v: v128, magic: v128, magicBits: v128): v128 {
  return i32x4.sub(f32x4.add(v, magic), magicBits);
}

/**
 * e^x for x ≤ 0, relative error below 2 ulp; 0 below -87; NaN stays NaN.
 * x = n·ln 2 + r by the magic-number rounding, a polynomial of degree 7 in r, n added to the exponent bits.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const least = constant(C_EXP_MIN);
  const magic = constant(C_MAGIC);
  const isTiny = f32x4.lt(x, least);
  const bounded = f32x4.pmax(x, least);
  const t = f32x4.add(f32x4.mul(bounded, constant(C_LOG2E)), magic);
  const n = f32x4.sub(t, magic);
  const high = f32x4.sub(bounded, f32x4.mul(n, constant(C_LN2_HIGH)));
  const r = f32x4.sub(high, f32x4.mul(n, constant(C_LN2_LOW)));
  let p = f32x4.add(f32x4.mul(constant(C_EXP_0), r), constant(C_EXP_0 + 1));
  p = f32x4.add(f32x4.mul(p, r), constant(C_EXP_0 + 2));
  p = f32x4.add(f32x4.mul(p, r), constant(C_EXP_0 + 3));
  p = f32x4.add(f32x4.mul(p, r), constant(C_EXP_0 + 4));
  p = f32x4.add(f32x4.mul(p, r), constant(C_EXP_0 + 5));
  p = f32x4.add(f32x4.mul(f32x4.mul(p, r), r), f32x4.add(r, constant(C_ONE)));
  return v128.andnot(i32x4.add(p, i32x4.shl(t, 23)), isTiny);
}

/** e^x of one number, the same bits as a lane of `exp`. */
// @ts-ignore: decorator
@inline
export function expOne(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}
