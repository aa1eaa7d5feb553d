/**
 * Q4_K times int8 activations, one row: weights of a block as in matmul-q4.ts (128 bytes for 8 rows), then the integers
 * of K32 (super-block.ts) at 128. Bounds as Q4_1: |Σ of i16| ≤ 30480. f32 order: per block f += i·((header·scale)·xscale),
 * then f += (header·minimum)·xsum. For more rows: matmul-q4-tile.ts.
 */
import { A8_BYTES, HEADER_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, C_2048, C_NIBBLE, C_ONES_16 } from "./math";
import { both, put, widen } from "./matmul-q4";
import { floatsHigh, floatsLow } from "./super-block";

/** Bytes of a block in its superblock. */
const BLOCK_BYTES: usize = 144;

/** One row of activations (a8), `groups` groups of 8 rows. */
export function gemvQ4K(w: usize, x: usize, y: usize, groups: usize, blocks: usize, isAdding: bool): void {
  const ones = constant(C_ONES_16);
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const xEnd = x + blocks * A8_BYTES;
  const end = y + groups * 32;
  do {
    let f0 = f32x4.splat(0);
    let f1 = f32x4.splat(0);
    let at = x;
    do {
      const header = w;
      const part = at + SUPER_BLOCKS * A8_BYTES;
      w += HEADER_BYTES;
      do {
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
        const xs = v128.load32_splat(at + 36);
        const xsum = v128.load32_splat(at + 40);
        const integers = v128.load(w, 128);
        const scales = i16x8.extend_low_i8x16_u(integers);
        const minima = i16x8.extend_high_i8x16_u(integers);
        f0 = widen(f0, a0, ones, f32x4.mul(f32x4.mul(v128.load(header), floatsLow(scales)), xs));
        f1 = widen(f1, a1, ones, f32x4.mul(f32x4.mul(v128.load(header, 16), floatsHigh(scales)), xs));
        f0 = f32x4.add(f0, f32x4.mul(f32x4.mul(v128.load(header, 32), floatsLow(minima)), xsum));
        f1 = f32x4.add(f1, f32x4.mul(f32x4.mul(v128.load(header, 48), floatsHigh(minima)), xsum));
        w += BLOCK_BYTES;
        at += A8_BYTES;
      } while (at < part);
    } while (at < xEnd);
    put(y, f0, isAdding);
    put(y + 16, f1, isAdding);
    y += 32;
  } while (y < end);
}
