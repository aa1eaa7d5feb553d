/**
 * Q4_0 and Q4_1 times int8 activations. A group is 8 rows; per block of 32 columns (R4 = four rows):
 *
 *   vector j of R4 r, at r·64 + j·16:  row 4r | row 4r+1 | row 4r+2 | row 4r+3, 4 bytes each
 *   byte i of a row: low nibble = column 4j+i, high nibble = column 16+4j+i (rounding compensated, see pack.ts)
 *   128: four lanes {f16 scale of row i, f16 scale of row 4+i} (Q4_0)
 *        or eight lanes {f16 scale, f16 minimum} (Q4_1)
 *
 * An f16's bits moved up by 13 are an f32 of 2^-112 times its value: one multiplication of i16 pairs and a mask. The
 * activations' scales carry 2^56, sums therefore 2^-56, and the results are brought back at the end: all exact.
 * i16 accumulators take 8 groups of 4 columns, two products a lane and step: |sum| ≤ 8·2·15·127 = 30480 < 32768.
 * Q4_0 starts them at -8·Σx of the same columns; the true value |Σ(w-8)x| ≤ 16256, so wrapping on the way is harmless.
 * matmul-q4-tile.ts is the same for more rows.
 * f32 order, gemv and GEMM alike: per block, f += i·(scale·xscale), then for Q4_1 f += minimum·xsum.
 * About 38 vector operations a 128 MAC in gemv, 23 in GEMM; x is spread over lanes by loads, which cost none, and once for
 * four streams: their eight accumulators, x, the weights and two masks just fit the registers.
 */
import { A8_BYTES, Q4_0_BYTES, Q4_1_BYTES } from "./layout";
import { constant, C_2048, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, C_NIBBLE, C_ONES_16, C_UNSHIFT } from "./math";
import { constantsTable, halves } from "./math";
import { addProduct } from "./order";
import { dot, shiftRight } from "./simd";

/** acc + products, four bytes a 32-bit lane, in two i16. */
// @ts-ignore: decorator
@inline
export function mac(acc: v128, x: v128, w: v128): v128 {
  return i16x8.add(acc, dot(x, w));
}

/** acc + products of the low nibbles of w with x and of the high ones with y. */
// @ts-ignore: decorator
@inline
export function both(acc: v128, w: v128, x: v128, y: v128, nibble: v128, factor: v128): v128 {
  return mac(mac(acc, x, v128.and(w, nibble)), y, v128.and(shiftRight(w, factor), nibble));
}

/** The same without acc. */
// @ts-ignore: decorator
@inline
function first(w: v128, x: v128, y: v128, nibble: v128, factor: v128): v128 {
  return mac(dot(x, v128.and(w, nibble)), y, v128.and(shiftRight(w, factor), nibble));
}

/** f + i32 sums of acc · scale */
// @ts-ignore: decorator
@inline
export function widen(f: v128, acc: v128, ones: v128, scale: v128): v128 {
  return addProduct(f, f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(acc, ones)), scale);
}

/** Stores or adds four results. */
// @ts-ignore: decorator
@inline
export function put(y: usize, f: v128, isAdding: bool): void {
  v128.store(y, isAdding ? f32x4.add(v128.load(y), f) : f);
}

/** Zeros in the sums of all streams. */
// @ts-ignore: decorator
@inline
export function clearSums(sums: usize, end: usize): void {
  for (let f = sums; f < end; f += 16) v128.store(f, f32x4.splat(0));
}

/** Results of all streams, whose rows are `stride` bytes apart: sums times `unit`. */
// @ts-ignore: decorator
@inline
export function putSums(sums: usize, end: usize, y: usize, stride: usize, unit: v128, isAdding: bool): void {
  for (let f = sums; f < end; f += 32, y += stride) {
    put(y, f32x4.mul(v128.load(f), unit), isAdding);
    put(y + 16, f32x4.mul(v128.load(f, 16), unit), isAdding);
  }
}

/**
 * Sums of one block's rows += its products, scaled; `a0` and `a1` are the i16 products of its two R4.
 * @param c constantsTable(): with products of four streams in registers there is no room to keep constants
 */
// @ts-ignore: decorator
@inline
function finish(c: usize, isQ41: bool, f: usize, from: usize, a0: v128, a1: v128, xs: v128, xsum: v128): void {
  const ones = v128.load(c, C_ONES_16 * 16);
  const lowHalf = v128.load(c, C_LOW_HALF * 16);
  const highHalf = v128.load(c, C_HIGH_HALF * 16);
  const mask = v128.load(c, C_HALF_MASK * 16);
  const pairs = v128.load(from, 128);
  if (isQ41) {
    const others = v128.load(from, 144);
    const f0 = widen(v128.load(f), a0, ones, f32x4.mul(halves(pairs, lowHalf, mask), xs));
    const f1 = widen(v128.load(f, 16), a1, ones, f32x4.mul(halves(others, lowHalf, mask), xs));
    v128.store(f, addProduct(f0, halves(pairs, highHalf, mask), xsum));
    v128.store(f, addProduct(f1, halves(others, highHalf, mask), xsum), 16);
  } else {
    v128.store(f, widen(v128.load(f), a0, ones, f32x4.mul(halves(pairs, lowHalf, mask), xs)));
    v128.store(f, widen(v128.load(f, 16), a1, ones, f32x4.mul(halves(pairs, highHalf, mask), xs)), 16);
  }
}

/**
 * Block `at` of x times the same block of `count` = 1, 2 or 4 streams, `apart` bytes from each other: what x needs is spread
 * once for all. `c`: constantsTable().
 */
// prettier-ignore
// @ts-ignore: decorator
@inline
function meet(
  isQ41: bool, count: i32, w: usize, apart: usize, at: usize, f: usize, nibble: v128, factor: v128, c: usize,
): void {
  const v = w + apart, u = v + apart, t = u + apart;
  let xl = v128.load32_splat(at), xh = v128.load32_splat(at + 16);
  let a0 = first(v128.load(w), xl, xh, nibble, factor), a1 = first(v128.load(w, 64), xl, xh, nibble, factor);
  let b0 = a0, b1 = a1, c0 = a0, c1 = a1, d0 = a0, d1 = a1;
  if (count > 1) { b0 = first(v128.load(v), xl, xh, nibble, factor); b1 = first(v128.load(v, 64), xl, xh, nibble, factor); }
  if (count > 2) { c0 = first(v128.load(u), xl, xh, nibble, factor); c1 = first(v128.load(u, 64), xl, xh, nibble, factor); }
  if (count > 2) { d0 = first(v128.load(t), xl, xh, nibble, factor); d1 = first(v128.load(t, 64), xl, xh, nibble, factor); }
  if (!isQ41) {
    const start = v128.load32_splat(at + 32);
    a0 = i16x8.add(a0, start); a1 = i16x8.add(a1, start);
    if (count > 1) { b0 = i16x8.add(b0, start); b1 = i16x8.add(b1, start); }
    if (count > 2) { c0 = i16x8.add(c0, start); c1 = i16x8.add(c1, start); }
    if (count > 2) { d0 = i16x8.add(d0, start); d1 = i16x8.add(d1, start); }
  }
  xl = v128.load32_splat(at + 4); xh = v128.load32_splat(at + 20);
  a0 = both(a0, v128.load(w, 16), xl, xh, nibble, factor); a1 = both(a1, v128.load(w, 80), xl, xh, nibble, factor);
  if (count > 1) { b0 = both(b0, v128.load(v, 16), xl, xh, nibble, factor); b1 = both(b1, v128.load(v, 80), xl, xh, nibble, factor); }
  if (count > 2) { c0 = both(c0, v128.load(u, 16), xl, xh, nibble, factor); c1 = both(c1, v128.load(u, 80), xl, xh, nibble, factor); }
  if (count > 2) { d0 = both(d0, v128.load(t, 16), xl, xh, nibble, factor); d1 = both(d1, v128.load(t, 80), xl, xh, nibble, factor); }
  xl = v128.load32_splat(at + 8); xh = v128.load32_splat(at + 24);
  a0 = both(a0, v128.load(w, 32), xl, xh, nibble, factor); a1 = both(a1, v128.load(w, 96), xl, xh, nibble, factor);
  if (count > 1) { b0 = both(b0, v128.load(v, 32), xl, xh, nibble, factor); b1 = both(b1, v128.load(v, 96), xl, xh, nibble, factor); }
  if (count > 2) { c0 = both(c0, v128.load(u, 32), xl, xh, nibble, factor); c1 = both(c1, v128.load(u, 96), xl, xh, nibble, factor); }
  if (count > 2) { d0 = both(d0, v128.load(t, 32), xl, xh, nibble, factor); d1 = both(d1, v128.load(t, 96), xl, xh, nibble, factor); }
  xl = v128.load32_splat(at + 12); xh = v128.load32_splat(at + 28);
  a0 = both(a0, v128.load(w, 48), xl, xh, nibble, factor); a1 = both(a1, v128.load(w, 112), xl, xh, nibble, factor);
  if (count > 1) { b0 = both(b0, v128.load(v, 48), xl, xh, nibble, factor); b1 = both(b1, v128.load(v, 112), xl, xh, nibble, factor); }
  if (count > 2) { c0 = both(c0, v128.load(u, 48), xl, xh, nibble, factor); c1 = both(c1, v128.load(u, 112), xl, xh, nibble, factor); }
  if (count > 2) { d0 = both(d0, v128.load(t, 48), xl, xh, nibble, factor); d1 = both(d1, v128.load(t, 112), xl, xh, nibble, factor); }
  const xs = v128.load32_splat(at + 36), xsum = v128.load32_splat(at + 40);
  finish(c, isQ41, f, w, a0, a1, xs, xsum);
  if (count > 1) finish(c, isQ41, f + 32, v, b0, b1, xs, xsum);
  if (count > 2) finish(c, isQ41, f + 64, u, c0, c1, xs, xsum);
  if (count > 2) finish(c, isQ41, f + 96, t, d0, d1, xs, xsum);
}

// @ts-ignore: decorator
@inline
function gemv(
  isQ41: bool, w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const step: usize = isQ41 ? Q4_1_BYTES : Q4_0_BYTES;
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const c = constantsTable();
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * step;
  const sumsEnd = sums + streams * 32;
  const foursEnd = sums + (streams & ~3) * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      let from = w;
      let f = sums;
      for (; f < foursEnd; f += 128, from += distance << 2) {
        meet(isQ41, 4, from, distance, at, f, nibble, factor, c);
      }
      if (streams & 2) {
        meet(isQ41, 2, from, distance, at, f, nibble, factor, c);
        f += 64;
        from += distance << 1;
      }
      if (streams & 1) meet(isQ41, 1, from, distance, at, f, nibble, factor, c);
      w += step;
      at += A8_BYTES;
    } while (at < xEnd);
    putSums(sums, sumsEnd, y, groups * 32, constant(C_UNSHIFT), isAdding);
    y += 32;
  } while (y < end);
}

/** One row of activations (a8) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ40(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(false, w, x, y, streams, groups, blocks, isAdding, sums);
}
export function gemvQ41(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(true, w, x, y, streams, groups, blocks, isAdding, sums);
}
