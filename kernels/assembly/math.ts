/**
 * Leaves shared by all families: constants, lane broadcasts, horizontal sums in one fixed order, e^x.
 * Everything is plain IEEE f32 (no fused multiply-add), so bits do not depend on the engine.
 */
import { ARGUMENTS, CONSTANTS, TABLE } from "./layout";
import { addProduct } from "./order";

// Indices of the constants table; `initConstants` writes it.
export const C_ONES_16 = 0;
export const C_NIBBLE = 1;
export const C_2048 = 2;
export const C_ONES_8 = 3;
export const C_MINUS_8 = 4;
export const C_MAGIC = 5;
export const C_MAGIC_BITS = 6;
// 7 … 16 and 17, 5 again: `exp` reads them at their offsets: least, log2 e, ln 2 high and low, six coefficients.
export const C_ONE = 17;
export const C_F16_MAGIC = 18;
export const C_LANES = 19;
export const C_MINUS_HUGE = 20;
export const C_BITS = 21;
/** i16 factors that bring the low or the high half of a 32-bit lane to where an f32 has an f16's bits; the mask of those. */
export const C_LOW_HALF = 22;
export const C_HIGH_HALF = 23;
export const C_HALF_MASK = 24;
/** 2^56: brings sums of matmul-q4.ts back. */
export const C_UNSHIFT = 25;
/** Bytes that select the parts of weights of 5 and 6 bits, and i16 factors of `shiftRight` by 3, 5, 2, 6 (bits.ts). */
export const C_31 = 26;
export const C_28 = 27;
export const C_3 = 28;
export const C_2 = 29;
export const C_63 = 30;
export const C_48 = 31;
export const C_12 = 32;
export const C_SHIFT_3 = 33;
export const C_SHIFT_5 = 34;
export const C_SHIFT_2 = 35;
export const C_SHIFT_6 = 36;
export const C_SIXTEEN = 37;
/** The sign of an f32, and all but it: the instructions for -v and |v| build them anew each time. */
export const C_SIGN = 38;
export const C_MAGNITUDE = 39;
/** 40 … 47: what exp2.ts needs. */
export const C_EXP2 = 40;

/** Constant i of the table: cheaper than building it in a loop. */
// @ts-ignore: decorator
@inline
export function constant(i: i32): v128 {
  return v128.load(<usize>(CONSTANTS + i * 16));
}

/**
 * Base of the constants, taken once outside a loop: constant i is v128.load(c, i * 16), one instruction, where `constant` is
 * two, the second for its address.
 */
// @ts-ignore: decorator
@inline
export function constantsTable(): usize {
  return load<u32>(TABLE);
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

/** Four f16 (one half of each lane) as f32 · 2^-112. */
// @ts-ignore: decorator
@inline
export function halves(pairs: v128, factor: v128, mask: v128): v128 {
  return v128.and(i32x4.dot_i16x8_s(pairs, factor), mask);
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
 * e^x for x ≤ 0, relative error below 2 ulp; 0 below -87; NaN stays NaN. `c` = constantsTable().
 * x = n·ln 2 + r by the magic-number rounding, a polynomial of degree 7 in r, n added to the exponent bits. What a step
 * waits for decides, not the number of operations: the polynomial is summed in pairs.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128, c: usize): v128 {
  const magic = v128.load(c, 80);
  const isTiny = f32x4.lt(x, v128.load(c, 112));
  const t = f32x4.add(f32x4.mul(x, v128.load(c, 128)), magic);
  const n = f32x4.sub(t, magic);
  const high = f32x4.sub(x, f32x4.mul(n, v128.load(c, 144)));
  const r = f32x4.sub(high, f32x4.mul(n, v128.load(c, 160)));
  const r2 = f32x4.mul(r, r);
  let p = addProduct(v128.load(c, 192), v128.load(c, 176), r);
  p = addProduct(addProduct(v128.load(c, 224), v128.load(c, 208), r), p, r2);
  p = addProduct(addProduct(v128.load(c, 256), v128.load(c, 240), r), p, r2);
  p = addProduct(f32x4.add(r, v128.load(c, 272)), p, r2);
  return v128.andnot(i32x4.add(p, i32x4.shl(t, 23)), isTiny);
}

/** e^x of one number, the same bits as a lane of `exp`. */
// @ts-ignore: decorator
@inline
export function expOne(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x), constantsTable()), 0);
}
