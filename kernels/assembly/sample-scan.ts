/** The sampler's passes over one row of logits (f32 [count], any count) that only compare. Masks as in sample.ts. */
import { constant, C_BITS, maxLanes } from "./math";

export const NEGATIVE_INFINITY: f32 = -Infinity;
/** Logits a turn, where nothing is masked. */
const WIDE: u32 = 16;

/** Four logits from id `i` on; -inf where masked or beyond the end. */
// @ts-ignore: decorator
@inline
export function take(logits: usize, count: u32, mask: usize, i: u32): v128 {
  let v = f32x4.splat(NEGATIVE_INFINITY);
  const at = logits + (<usize>i << 2);
  if (i + 4 <= count) {
    v = v128.load(at);
  } else {
    v = f32x4.replace_lane(v, 0, load<f32>(at));
    if (i + 1 < count) v = f32x4.replace_lane(v, 1, load<f32>(at, 4));
    if (i + 2 < count) v = f32x4.replace_lane(v, 2, load<f32>(at, 8));
  }
  if (!mask) return v;
  const bits = constant(C_BITS);
  const word = i32x4.splat(load<u32>(mask + ((i >> 5) << 2)) >> (i & 31));
  return v128.bitselect(v, f32x4.splat(NEGATIVE_INFINITY), i32x4.eq(v128.and(word, bits), bits));
}

/** The largest logit; NaN if one is NaN or +inf, -inf if none is finite. */
export function scan(logits: usize, count: u32): f32 {
  const infinity = f32x4.splat(Infinity);
  let m = f32x4.splat(NEGATIVE_INFINITY);
  let n = m, o = m, p = m; // prettier-ignore
  let isBelow = i32x4.splat(-1);
  let i: u32 = 0;
  for (; i + WIDE <= count; i += WIDE) {
    const at = logits + (<usize>i << 2);
    const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48); // prettier-ignore
    const isLow = v128.and(f32x4.lt(a, infinity), f32x4.lt(b, infinity));
    isBelow = v128.and(isBelow, v128.and(isLow, v128.and(f32x4.lt(c, infinity), f32x4.lt(d, infinity))));
    m = f32x4.pmax(m, a);
    n = f32x4.pmax(n, b);
    o = f32x4.pmax(o, c);
    p = f32x4.pmax(p, d);
  }
  m = f32x4.pmax(f32x4.pmax(m, n), f32x4.pmax(o, p));
  for (; i < count; i += 4) {
    const v = take(logits, count, 0, i);
    isBelow = v128.and(isBelow, f32x4.lt(v, infinity));
    m = f32x4.pmax(m, v);
  }
  return i32x4.all_true(isBelow) ? maxLanes(m) : NaN;
}

/** The largest allowed logit of a row without NaN. */
export function largest(logits: usize, count: u32, mask: usize): f32 {
  let m = f32x4.splat(NEGATIVE_INFINITY);
  for (let i: u32 = 0; i < count; i += 4) m = f32x4.pmax(m, take(logits, count, mask, i));
  return maxLanes(m);
}

/** Lowest allowed id whose logit is `value`, or -1. */
export function find(logits: usize, count: u32, mask: usize, value: f32): i32 {
  const wanted = f32x4.splat(value);
  let i: u32 = 0;
  for (; !mask && i + WIDE <= count; i += WIDE) {
    const at = logits + (<usize>i << 2);
    const low = v128.or(f32x4.eq(v128.load(at), wanted), f32x4.eq(v128.load(at, 16), wanted));
    const high = v128.or(f32x4.eq(v128.load(at, 32), wanted), f32x4.eq(v128.load(at, 48), wanted));
    if (v128.any_true(v128.or(low, high))) break;
  }
  for (; i < count; i += 4) {
    const hits = i32x4.bitmask(f32x4.eq(take(logits, count, mask, i), wanted));
    if (hits) return i + ctz(hits);
  }
  return -1;
}
