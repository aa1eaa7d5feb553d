/**
 * Q6_K times int8 activations, one row; matmul-k16-tile.ts is for more. Per block of 32 columns and four rows (R4 r at
 * r·96), two halves of 16 columns, each three vectors of 4 rows x 4 bytes; byte i of group g = column 4g+i:
 *
 *   low 6 bits of vectors 0, 1, 2: groups 0, 1, 2 | high 2 bits of vectors 0, 1, 2: bits 5-4, 3-2, 1-0 of group 3
 *   192: the integers of K16 (super-block.ts)
 *
 * The high bits are stored less the carries of the rounding shifts (pack-bits.ts). Accumulators are i16, one for each
 * half, and count weights from 32: they start at -32·Σx of the half; |Σ(w-32)x| ≤ 8·32·127 = 32512, so wrapping on the way
 * is harmless. Times the scales in i32: |i| ≤ 2·2·32512·128 < 2^24, exact in f32. f32 order: per block
 * f += i·(header·xscale). About 50 vector operations a 128 MAC.
 */
import { A8_BYTES, HEADER_SCALES_BYTES, Q6_K_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, C_12, C_3, C_48, C_63, C_2048, C_ONE, C_SHIFT_2, C_SHIFT_6 } from "./math";
import { clearSums, mac, putSums } from "./matmul-q4";
import { shiftRight } from "./simd";
import { twiceHigh, twiceLow } from "./super-block";

/** Bytes of a block in its superblock. */
const BLOCK_BYTES: usize = 208;

/** The parts of a half's group 3. */
// @ts-ignore: decorator
@inline
function top(v: v128): v128 {
  return v128.and(shiftRight(v, constant(C_SHIFT_2)), constant(C_48));
}
// @ts-ignore: decorator
@inline
function middle(v: v128): v128 {
  return v128.and(shiftRight(v, constant(C_2048)), constant(C_12));
}
// @ts-ignore: decorator
@inline
function bottom(v: v128): v128 {
  return v128.and(shiftRight(v, constant(C_SHIFT_6)), constant(C_3));
}

/** acc + products of 16 columns of four rows. */
// @ts-ignore: decorator
@inline
function half(acc: v128, w: usize, x0: v128, x1: v128, x2: v128, x3: v128, weights: v128): v128 {
  let v = v128.load(w);
  acc = mac(acc, x0, v128.and(v, weights));
  let last = top(v);
  v = v128.load(w, 16);
  acc = mac(acc, x1, v128.and(v, weights));
  last = v128.or(last, middle(v));
  v = v128.load(w, 32);
  acc = mac(acc, x2, v128.and(v, weights));
  return mac(acc, x3, v128.or(last, bottom(v)));
}

/** f + i · (header · xscale) */
// @ts-ignore: decorator
@inline
export function scaled(f: v128, i: v128, header: v128, xs: v128): v128 {
  return f32x4.add(f, f32x4.mul(f32x4.convert_i32x4_s(i), f32x4.mul(header, xs)));
}

/** 4·v in every i16 lane. */
// @ts-ignore: decorator
@inline
export function fourfold(v: v128): v128 {
  const twice = i16x8.add(v, v);
  return i16x8.add(twice, twice);
}

/** Sums at `f` += block `w` of a group times block `at` of x; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function meet(w: usize, header: usize, at: usize, f: usize): void {
  const weights = constant(C_63);
  const first = v128.load32_splat(at + 44);
  const integers = v128.load(w, 192);
  let x0 = v128.load32_splat(at);
  let x1 = v128.load32_splat(at + 4);
  let x2 = v128.load32_splat(at + 8);
  let x3 = v128.load32_splat(at + 12);
  let scales = i16x8.extend_low_i8x16_s(integers);
  let i0 = i32x4.dot_i16x8_s(half(first, w, x0, x1, x2, x3, weights), twiceLow(scales));
  let i1 = i32x4.dot_i16x8_s(half(first, w + 96, x0, x1, x2, x3, weights), twiceHigh(scales));
  x0 = v128.load32_splat(at + 16);
  x1 = v128.load32_splat(at + 20);
  x2 = v128.load32_splat(at + 24);
  x3 = v128.load32_splat(at + 28);
  const second = i16x8.sub(fourfold(v128.load32_splat(at + 32)), first);
  scales = i16x8.extend_high_i8x16_s(integers);
  const a0 = half(second, w + 48, x0, x1, x2, x3, weights);
  i0 = i32x4.add(i0, i32x4.dot_i16x8_s(a0, twiceLow(scales)));
  const a1 = half(second, w + 144, x0, x1, x2, x3, weights);
  i1 = i32x4.add(i1, i32x4.dot_i16x8_s(a1, twiceHigh(scales)));
  const xs = v128.load32_splat(at + 36);
  v128.store(f, scaled(v128.load(f), i0, v128.load(header), xs));
  v128.store(f, scaled(v128.load(f, 16), i1, v128.load(header, 16), xs), 16);
}

/** One row of activations (a8) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ6K(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * Q6_K_BYTES;
  const sumsEnd = sums + streams * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      const header = w;
      const part = at + SUPER_BLOCKS * A8_BYTES;
      w += HEADER_SCALES_BYTES;
      do {
        let from: usize = 0;
        for (let f = sums; f < sumsEnd; f += 32, from += distance) meet(w + from, header + from, at, f);
        w += BLOCK_BYTES;
        at += A8_BYTES;
      } while (at < part);
    } while (at < xEnd);
    putSums(sums, sumsEnd, y, groups * 32, constant(C_ONE), isAdding);
    y += 32;
  } while (y < end);
}

/** The 16 columns of four rows at `w`, a byte a weight, group j at `to` + 32·j. */
// @ts-ignore: decorator
@inline
export function unpack6(w: usize, to: usize): void {
  const weights = constant(C_63);
  const v0 = v128.load(w), v1 = v128.load(w, 16), v2 = v128.load(w, 32); // prettier-ignore
  v128.store(to, v128.and(v0, weights));
  v128.store(to, v128.and(v1, weights), 32);
  v128.store(to, v128.and(v2, weights), 64);
  v128.store(to, v128.or(v128.or(top(v0), middle(v1)), bottom(v2)), 96);
}
