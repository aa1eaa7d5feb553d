/**
 * Q5_0, Q5_1 and Q5_K times int8 activations, one row; matmul-q4-tile.ts is for more. Per block of 32 columns and four
 * rows (R4 r at r·80), five vectors of 4 rows x 4 bytes; byte i of group g = column 4g+i:
 *
 *   low 5 bits of vectors 0 … 4: groups 0 … 4
 *   high 3 bits of vectors 0, 1, 2: bits 4…2 of groups 5, 6, 7
 *   bits 5, 6 of vectors 3, 4: bits 0, 1 of groups 5, 6 | bit 7 of vectors 3, 4: bits 1, 0 of group 7
 *   160: f16 scales as in Q4_0, or {scale, minimum} as in Q4_1, or the integers of K32 (super-block.ts)
 *
 * The high bits are stored less the carries of the rounding shifts (pack-bits.ts). Accumulators are i16 and count weights
 * from 16: they start at -16·Σx; |Σ(w-16)x| ≤ 32·16·127/2 = 32512 a lane, so wrapping on the way is harmless. A minimum m
 * becomes m + 16·scale, rounded once. f32 order as in matmul-q4.ts. About 46 vector operations a 128 MAC.
 */
import { A8_BYTES, HEADER_BYTES, Q5_0_BYTES, Q5_1_BYTES, Q5_K_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, C_2, C_28, C_3, C_31, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, C_ONE } from "./math";
import { C_ONES_16, C_ONES_8, C_SHIFT_3, C_SHIFT_5, C_SIXTEEN, C_UNSHIFT } from "./math";
import { constantsTable, halves } from "./math";
import { clearSums, mac, putSums, widen } from "./matmul-q4";
import { dot, shiftRight } from "./simd";
import { centred, floatsHigh, floatsLow } from "./super-block";

const SYMMETRIC: i32 = 0;
const WITH_MINIMUM: i32 = 1;
const SUPER: i32 = 2;

/** 1 bits in all bytes below zero, else 0, at the place of `bit`. */
// @ts-ignore: decorator
@inline
function topBit(v: v128, bit: v128): v128 {
  return v128.and(i8x16.lt_s(v, i32x4.splat(0)), bit);
}

// @ts-ignore: decorator
@inline
function high3(v: v128, c: usize): v128 {
  return v128.and(shiftRight(v, v128.load(c, C_SHIFT_3 * 16)), v128.load(c, C_28 * 16));
}

// @ts-ignore: decorator
@inline
function low2(v: v128, c: usize): v128 {
  return v128.and(shiftRight(v, v128.load(c, C_SHIFT_5 * 16)), v128.load(c, C_3 * 16));
}

/** Sums at `f` += block `w` of a group times block `at` of x; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function meet(scheme: i32, w: usize, header: usize, at: usize, f: usize, c: usize): void {
  const weights = v128.load(c, C_31 * 16);
  let f0 = v128.load(f);
  let f1 = v128.load(f, 16);
  let a0 = v128.load32_splat(at + 32);
  a0 = i16x8.add(a0, a0);
  let a1 = a0;
  let v = v128.load(w), u = v128.load(w, 80), xv = v128.load32_splat(at); // prettier-ignore
  a0 = mac(a0, xv, v128.and(v, weights));
  a1 = mac(a1, xv, v128.and(u, weights));
  let h0 = high3(v, c), h1 = high3(u, c); // prettier-ignore
  v = v128.load(w, 48);
  u = v128.load(w, 128);
  xv = v128.load32_splat(at + 12);
  a0 = mac(a0, xv, v128.and(v, weights));
  a1 = mac(a1, xv, v128.and(u, weights));
  xv = v128.load32_splat(at + 20);
  a0 = mac(a0, xv, v128.or(h0, low2(v, c)));
  a1 = mac(a1, xv, v128.or(h1, low2(u, c)));
  let t0 = topBit(v, v128.load(c, C_2 * 16)), t1 = topBit(u, v128.load(c, C_2 * 16)); // prettier-ignore
  v = v128.load(w, 16);
  u = v128.load(w, 96);
  xv = v128.load32_splat(at + 4);
  a0 = mac(a0, xv, v128.and(v, weights));
  a1 = mac(a1, xv, v128.and(u, weights));
  h0 = high3(v, c);
  h1 = high3(u, c);
  v = v128.load(w, 64);
  u = v128.load(w, 144);
  xv = v128.load32_splat(at + 16);
  a0 = mac(a0, xv, v128.and(v, weights));
  a1 = mac(a1, xv, v128.and(u, weights));
  xv = v128.load32_splat(at + 24);
  a0 = mac(a0, xv, v128.or(h0, low2(v, c)));
  a1 = mac(a1, xv, v128.or(h1, low2(u, c)));
  t0 = v128.or(t0, topBit(v, v128.load(c, C_ONES_8 * 16)));
  t1 = v128.or(t1, topBit(u, v128.load(c, C_ONES_8 * 16)));
  v = v128.load(w, 32);
  u = v128.load(w, 112);
  xv = v128.load32_splat(at + 8);
  a0 = mac(a0, xv, v128.and(v, weights));
  a1 = mac(a1, xv, v128.and(u, weights));
  xv = v128.load32_splat(at + 28);
  a0 = mac(a0, xv, v128.or(t0, high3(v, c)));
  a1 = mac(a1, xv, v128.or(t1, high3(u, c)));
  const ones = v128.load(c, C_ONES_16 * 16);
  const xs = v128.load32_splat(at + 36);
  const pairs = v128.load(w, 160);
  if (scheme == SYMMETRIC) {
    const mask = v128.load(c, C_HALF_MASK * 16);
    f0 = widen(f0, a0, ones, f32x4.mul(halves(pairs, v128.load(c, C_LOW_HALF * 16), mask), xs));
    f1 = widen(f1, a1, ones, f32x4.mul(halves(pairs, v128.load(c, C_HIGH_HALF * 16), mask), xs));
  } else {
    const xsum = v128.load32_splat(at + 40);
    let s0: v128, s1: v128, m0: v128, m1: v128; // prettier-ignore
    if (scheme == WITH_MINIMUM) {
      const others = v128.load(w, 176);
      const mask = v128.load(c, C_HALF_MASK * 16);
      s0 = halves(pairs, v128.load(c, C_LOW_HALF * 16), mask);
      s1 = halves(others, v128.load(c, C_LOW_HALF * 16), mask);
      m0 = halves(pairs, v128.load(c, C_HIGH_HALF * 16), mask);
      m1 = halves(others, v128.load(c, C_HIGH_HALF * 16), mask);
    } else {
      const scales = i16x8.extend_low_i8x16_u(pairs);
      const minima = i16x8.extend_high_i8x16_u(pairs);
      s0 = f32x4.mul(v128.load(header), floatsLow(scales));
      s1 = f32x4.mul(v128.load(header, 16), floatsHigh(scales));
      m0 = f32x4.mul(v128.load(header, 32), floatsLow(minima));
      m1 = f32x4.mul(v128.load(header, 48), floatsHigh(minima));
    }
    f0 = widen(f0, a0, ones, f32x4.mul(s0, xs));
    f1 = widen(f1, a1, ones, f32x4.mul(s1, xs));
    f0 = f32x4.add(f0, f32x4.mul(centred(m0, s0), xsum));
    f1 = f32x4.add(f1, f32x4.mul(centred(m1, s1), xsum));
  }
  v128.store(f, f0);
  v128.store(f, f1, 16);
}

// @ts-ignore: decorator
@inline
function gemv(
  scheme: i32, w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const step: usize = scheme == WITH_MINIMUM ? Q5_1_BYTES : Q5_0_BYTES;
  const c = constantsTable();
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * (scheme == SUPER ? <usize>Q5_K_BYTES : step);
  const sumsEnd = sums + streams * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      const header = w;
      if (scheme == SUPER) w += HEADER_BYTES;
      const part = scheme == SUPER ? at + SUPER_BLOCKS * A8_BYTES : xEnd;
      do {
        let from: usize = 0;
        for (let f = sums; f < sumsEnd; f += 32, from += distance) meet(scheme, w + from, header + from, at, f, c);
        w += step;
        at += A8_BYTES;
      } while (at < part);
    } while (at < xEnd);
    putSums(sums, sumsEnd, y, groups * 32, scheme == SUPER ? constant(C_ONE) : constant(C_UNSHIFT), isAdding);
    y += 32;
  } while (y < end);
}

/** One row of activations (a8) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ50(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(SYMMETRIC, w, x, y, streams, groups, blocks, isAdding, sums);
}
export function gemvQ51(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(WITH_MINIMUM, w, x, y, streams, groups, blocks, isAdding, sums);
}
export function gemvQ5K(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(SUPER, w, x, y, streams, groups, blocks, isAdding, sums);
}

/** The 32 columns of four rows (R4) at `w`, a byte a weight, group j at `to` + 32·j; `c` = constantsTable(). */
// @ts-ignore: decorator
@inline
export function unpack5(w: usize, to: usize, c: usize): void {
  const weights = v128.load(c, C_31 * 16);
  const v0 = v128.load(w), v1 = v128.load(w, 16), v2 = v128.load(w, 32), v3 = v128.load(w, 48), v4 = v128.load(w, 64); // prettier-ignore
  v128.store(to, v128.and(v0, weights));
  v128.store(to, v128.and(v1, weights), 32);
  v128.store(to, v128.and(v2, weights), 64);
  v128.store(to, v128.and(v3, weights), 96);
  v128.store(to, v128.and(v4, weights), 128);
  v128.store(to, v128.or(high3(v0, c), low2(v3, c)), 160);
  v128.store(to, v128.or(high3(v1, c), low2(v4, c)), 192);
  const tops = v128.or(topBit(v3, v128.load(c, C_2 * 16)), topBit(v4, v128.load(c, C_ONES_8 * 16)));
  v128.store(to, v128.or(high3(v2, c), tops), 224);
}
