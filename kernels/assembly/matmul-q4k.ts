/**
 * Q4_K times int8 activations, one row: weights of a block as in matmul-q4.ts (128 bytes for 8 rows), then the integers
 * of K32 (super-block.ts) at 128. Bounds as Q4_1: |Σ of i16| ≤ 30480. f32 order: per block f += i·((header·scale)·xscale),
 * then f += (header·minimum)·xsum. For more rows: matmul-q4-tile.ts.
 */
import { A8_BYTES, HEADER_BYTES, Q4_K_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, constantsTable, C_2048, C_NIBBLE, C_ONE, C_ONES_16 } from "./math";
import { both, clearSums, putSums, widen } from "./matmul-q4";
import { floatsHigh, floatsLow } from "./super-block";

/** Bytes of a block in its superblock. */
const BLOCK_BYTES: usize = 144;

/** Sums at `f` += block `w` of a group times block `at` of x; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function meet(w: usize, header: usize, at: usize, f: usize, c: usize): void {
  const nibble = v128.load(c, C_NIBBLE * 16);
  const factor = v128.load(c, C_2048 * 16);
  let xl = v128.load32_splat(at);
  let xh = v128.load32_splat(at + 16);
  const start = i32x4.splat(0);
  let a0 = both(start, v128.load(w), xl, xh, nibble, factor);
  let a1 = both(start, v128.load(w, 64), xl, xh, nibble, factor);
  xl = v128.load32_splat(at + 4);
  xh = v128.load32_splat(at + 20);
  a0 = both(a0, v128.load(w, 16), xl, xh, nibble, factor);
  a1 = both(a1, v128.load(w, 80), xl, xh, nibble, factor);
  xl = v128.load32_splat(at + 8);
  xh = v128.load32_splat(at + 24);
  a0 = both(a0, v128.load(w, 32), xl, xh, nibble, factor);
  a1 = both(a1, v128.load(w, 96), xl, xh, nibble, factor);
  xl = v128.load32_splat(at + 12);
  xh = v128.load32_splat(at + 28);
  a0 = both(a0, v128.load(w, 48), xl, xh, nibble, factor);
  a1 = both(a1, v128.load(w, 112), xl, xh, nibble, factor);
  const ones = v128.load(c, C_ONES_16 * 16);
  const xs = v128.load32_splat(at + 36);
  const xsum = v128.load32_splat(at + 40);
  const integers = v128.load(w, 128);
  const scales = i16x8.extend_low_i8x16_u(integers);
  const minima = i16x8.extend_high_i8x16_u(integers);
  let f0 = widen(v128.load(f), a0, ones, f32x4.mul(f32x4.mul(v128.load(header), floatsLow(scales)), xs));
  let f1 = widen(v128.load(f, 16), a1, ones, f32x4.mul(f32x4.mul(v128.load(header, 16), floatsHigh(scales)), xs));
  f0 = f32x4.add(f0, f32x4.mul(f32x4.mul(v128.load(header, 32), floatsLow(minima)), xsum));
  f1 = f32x4.add(f1, f32x4.mul(f32x4.mul(v128.load(header, 48), floatsHigh(minima)), xsum));
  v128.store(f, f0);
  v128.store(f, f1, 16);
}

/** One row of activations (a8) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ4K(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const c = constantsTable();
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * Q4_K_BYTES;
  const sumsEnd = sums + streams * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      const header = w;
      const part = at + SUPER_BLOCKS * A8_BYTES;
      w += HEADER_BYTES;
      do {
        let from: usize = 0;
        for (let f = sums; f < sumsEnd; f += 32, from += distance) meet(w + from, header + from, at, f, c);
        w += BLOCK_BYTES;
        at += A8_BYTES;
      } while (at < part);
    } while (at < xEnd);
    putSums(sums, sumsEnd, y, groups * 32, constant(C_ONE), isAdding);
    y += 32;
  } while (y < end);
}
