/**
 * 2^x for x ≤ 0, as attention needs it: relative error below 1e-5 (probabilities have 15 bits), 0 below -126; NaN stays NaN.
 *
 * t = x + 255 lies between 128 and 256, where bits 16 … 22 of an f32 are whole numbers and 16 bits of fraction are below
 * them. 2^fraction is a polynomial of degree 4; the whole part moved up by seven bits, one product of i16, is the f32
 * -2^(whole - 255), the sign coming from the exponent of 128: so the coefficients are negative as well.
 */
import { constant, constantsTable, C_EXP2 } from "./math";
import { addProduct } from "./order";

/** What x + EXP2_TOP is called t. */
export const EXP2_TOP: f32 = 255;

/** 2^(t - 255); `least` … `c4` are the constants from C_EXP2 on. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function power(
  t: v128, least: v128, whole: v128, factor: v128, c0: v128, c1: v128, c2: v128, c3: v128, c4: v128,
): v128 {
  t = f32x4.pmax(t, least);
  const r = f32x4.sub(t, v128.and(t, whole));
  const n = i16x8.mul(t, factor);
  const r2 = f32x4.mul(r, r);
  const high = addProduct(addProduct(c2, c3, r), c4, r2);
  return f32x4.mul(addProduct(addProduct(c0, c1, r), high, r2), n);
}

/** 2^(t - 255) of a few numbers; a loop uses `powers`. */
// @ts-ignore: decorator
@inline
export function exp2(t: v128): v128 {
  return power(
    t, constant(C_EXP2), constant(C_EXP2 + 1), constant(C_EXP2 + 2), constant(C_EXP2 + 3), constant(C_EXP2 + 4),
    constant(C_EXP2 + 5), constant(C_EXP2 + 6), constant(C_EXP2 + 7),
  ); // prettier-ignore
}

/** 2^(v + shift - 255) in place of all numbers v from `at` to `end`; answers their sum, by lanes. */
export function powers(at: usize, end: usize, shift: v128): v128 {
  const c = constantsTable() + C_EXP2 * 16;
  const least = v128.load(c), whole = v128.load(c, 16), factor = v128.load(c, 32), c0 = v128.load(c, 48); // prettier-ignore
  const c1 = v128.load(c, 64), c2 = v128.load(c, 80), c3 = v128.load(c, 96), c4 = v128.load(c, 112); // prettier-ignore
  let sum = f32x4.splat(0);
  for (; at < end; at += 16) {
    const p = power(f32x4.add(v128.load(at), shift), least, whole, factor, c0, c1, c2, c3, c4);
    v128.store(at, p);
    sum = f32x4.add(sum, p);
  }
  return sum;
}
