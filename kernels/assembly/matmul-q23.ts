/**
 * Q2_K and Q3_K times int8 activations, one row; matmul-k16-tile.ts is for more. A block's weights lie in nibbles as in
 * matmul-q4.ts (128 bytes for 8 rows; low nibbles = columns 0 … 15, high nibbles = 16 … 31), Q3_K as w + 8 = 4 … 11, then
 * the integers of K16 or Q2_K (super-block.ts) at 128.
 *
 * i16 accumulators, one for each half: Q3_K starts at -8·Σx of the half, |Σ(w-8)x| ≤ 8·4·127; Q2_K ≤ 8·3·127. Times the
 * scales in i32: exact in f32. f32 order: per block f += i·(header·xscale), then for Q2_K f += (header·minimum)·xsum of
 * each half.
 */
import { A8_BYTES, HEADER_BYTES, HEADER_SCALES_BYTES, Q2_K_BYTES, Q3_K_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, C_2048, C_NIBBLE, C_ONE, C_ONES_16, lane0, lane1, lane2, lane3 } from "./math";
import { clearSums, mac, putSums } from "./matmul-q4";
import { scaled } from "./matmul-q6";
import { shiftRight } from "./simd";
import { floatsHigh, floatsLow, twiceHigh, twiceLow } from "./super-block";

/** acc + products of the low nibbles of four vectors (16 columns of four rows). */
// @ts-ignore: decorator
@inline
function lowHalf(acc: v128, w: usize, x: v128, nibble: v128): v128 {
  acc = mac(acc, lane0(x), v128.and(v128.load(w), nibble));
  acc = mac(acc, lane1(x), v128.and(v128.load(w, 16), nibble));
  acc = mac(acc, lane2(x), v128.and(v128.load(w, 32), nibble));
  return mac(acc, lane3(x), v128.and(v128.load(w, 48), nibble));
}

/** The same of the high nibbles. */
// @ts-ignore: decorator
@inline
function highHalf(acc: v128, w: usize, x: v128, nibble: v128, factor: v128): v128 {
  acc = mac(acc, lane0(x), v128.and(shiftRight(v128.load(w), factor), nibble));
  acc = mac(acc, lane1(x), v128.and(shiftRight(v128.load(w, 16), factor), nibble));
  acc = mac(acc, lane2(x), v128.and(shiftRight(v128.load(w, 32), factor), nibble));
  return mac(acc, lane3(x), v128.and(shiftRight(v128.load(w, 48), factor), nibble));
}

/** Sums at `f` += block `w` of a group times block `at` of x; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function meet(isQ2: bool, w: usize, header: usize, at: usize, f: usize): void {
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const tail = v128.load(at, 32);
  const first = quarter(lane3(tail));
  const second = i16x8.sub(lane0(tail), first);
  const integers = v128.load(w, 128);
  let xv = v128.load(at);
  let start = isQ2 ? i32x4.splat(0) : first;
  let scales = i16x8.extend_low_i8x16_s(integers);
  let i0 = i32x4.dot_i16x8_s(lowHalf(start, w, xv, nibble), twiceLow(scales));
  let i1 = i32x4.dot_i16x8_s(lowHalf(start, w + 64, xv, nibble), twiceHigh(scales));
  xv = v128.load(at, 16);
  start = isQ2 ? i32x4.splat(0) : second;
  scales = i16x8.extend_high_i8x16_s(integers);
  const a0 = highHalf(start, w, xv, nibble, factor);
  i0 = i32x4.add(i0, i32x4.dot_i16x8_s(a0, twiceLow(scales)));
  const a1 = highHalf(start, w + 64, xv, nibble, factor);
  i1 = i32x4.add(i1, i32x4.dot_i16x8_s(a1, twiceHigh(scales)));
  const xs = lane1(tail);
  let f0 = scaled(v128.load(f), i0, v128.load(header), xs);
  let f1 = scaled(v128.load(f, 16), i1, v128.load(header, 16), xs);
  if (isQ2) {
    const minima = v128.load(w, 144);
    const m0 = v128.load(header, 32), m1 = v128.load(header, 48); // prettier-ignore
    let m = i16x8.extend_low_i8x16_u(minima);
    let sum = halfSum(first, xs);
    f0 = f32x4.add(f0, f32x4.mul(f32x4.mul(m0, floatsLow(m)), sum));
    f1 = f32x4.add(f1, f32x4.mul(f32x4.mul(m1, floatsHigh(m)), sum));
    m = i16x8.extend_high_i8x16_u(minima);
    sum = halfSum(second, xs);
    f0 = f32x4.add(f0, f32x4.mul(f32x4.mul(m0, floatsLow(m)), sum));
    f1 = f32x4.add(f1, f32x4.mul(f32x4.mul(m1, floatsHigh(m)), sum));
  }
  v128.store(f, f0);
  v128.store(f, f1, 16);
}

// @ts-ignore: decorator
@inline
function gemv(
  isQ2: bool, w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * <usize>(isQ2 ? Q2_K_BYTES : Q3_K_BYTES);
  const sumsEnd = sums + streams * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      const header = w;
      const part = at + SUPER_BLOCKS * A8_BYTES;
      w += isQ2 ? HEADER_BYTES : HEADER_SCALES_BYTES;
      do {
        let from: usize = 0;
        for (let f = sums; f < sumsEnd; f += 32, from += distance) meet(isQ2, w + from, header + from, at, f);
        w += isQ2 ? 160 : 144;
        at += A8_BYTES;
      } while (at < part);
    } while (at < xEnd);
    putSums(sums, sumsEnd, y, groups * 32, constant(C_ONE), isAdding);
    y += 32;
  } while (y < end);
}

/** A quarter of each i16: -8·Σx of columns 0 … 15 from what is kept of them. */
// @ts-ignore: decorator
@inline
export function quarter(v: v128): v128 {
  return i16x8.shr_s(v, 2);
}

/** -8·Σx of a half times xscale, from its correction. */
// @ts-ignore: decorator
@inline
export function halfSum(correction: v128, xs: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(correction, constant(C_ONES_16))), xs);
}

/** One row of activations (a8) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ2K(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(true, w, x, y, streams, groups, blocks, isAdding, sums);
}
export function gemvQ3K(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  gemv(false, w, x, y, streams, groups, blocks, isAdding, sums);
}
