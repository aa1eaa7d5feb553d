/**
 * Q6_K, Q3_K and Q2_K times pairs of rows of int8 activations; layouts, bounds and the order of sums are those of
 * matmul-q6.ts and matmul-q23.ts. A group is unpacked once, then meets every pair of rows. Unpacked block:
 *
 *   0 j = 0 … 7: bytes of {R4 0, R4 1} | 256 scales of columns 0…15 of R4 0, R4 1, each i16 twice | 288 of columns 16…31
 *   320 header scales of R4 0, R4 1 | 352 header·minimum of columns 0…15 of R4 0, R4 1 | 384 of columns 16…31        416
 *
 * The f32 sums live in memory (`sums`, 64 bytes) between blocks: eight i16 and i32 accumulators leave no registers for them.
 */
import { A8_PAIR_BYTES, HEADER_BYTES, HEADER_SCALES_BYTES, KIND_Q2_K, KIND_Q3_K, KIND_Q6_K, SUPER_BLOCKS } from "./layout";
import { constant, C_2048, C_NIBBLE } from "./math";
import { mac, put } from "./matmul-q4";
import { unpackNibbles } from "./matmul-q4-tile";
import { halfSum, quarter } from "./matmul-q23";
import { fourfold, scaled, unpack6 } from "./matmul-q6";
import { floatsHigh, floatsLow, twiceHigh, twiceLow } from "./super-block";

/** Bytes of an unpacked block. */
export const K16_UNPACKED_BYTES: usize = 416;

/** Block `w` of a group; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function unpackBlock(kind: i32, w: usize, header: usize, to: usize): void {
  if (kind == KIND_Q6_K) {
    for (let half: usize = 0; half < 2; half++) {
      unpack6(w + half * 48, to + half * 128);
      unpack6(w + half * 48 + 96, to + half * 128 + 16);
    }
    w += 192;
  } else {
    unpackNibbles(w, to, constant(C_NIBBLE), constant(C_2048));
    w += 128;
  }
  const integers = v128.load(w);
  const first = i16x8.extend_low_i8x16_s(integers);
  const second = i16x8.extend_high_i8x16_s(integers);
  v128.store(to, twiceLow(first), 256);
  v128.store(to, twiceHigh(first), 272);
  v128.store(to, twiceLow(second), 288);
  v128.store(to, twiceHigh(second), 304);
  v128.store(to, v128.load(header), 320);
  v128.store(to, v128.load(header, 16), 336);
  if (kind != KIND_Q2_K) return;
  const minima = v128.load(w, 16);
  const m0 = v128.load(header, 32), m1 = v128.load(header, 48); // prettier-ignore
  v128.store(to, f32x4.mul(m0, floatsLow(i16x8.extend_low_i8x16_u(minima))), 352);
  v128.store(to, f32x4.mul(m1, floatsHigh(i16x8.extend_low_i8x16_u(minima))), 368);
  v128.store(to, f32x4.mul(m0, floatsLow(i16x8.extend_high_i8x16_u(minima))), 384);
  v128.store(to, f32x4.mul(m1, floatsHigh(i16x8.extend_high_i8x16_u(minima))), 400);
}

/** `runs` groups, `distance` bytes apart: block by block in turn, one group after the other at `to`. */
// @ts-ignore: decorator
@inline
function unpack(kind: i32, w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  const step: usize = kind == KIND_Q6_K ? 208 : kind == KIND_Q3_K ? 144 : 160;
  const bytes = blocks * K16_UNPACKED_BYTES;
  const end = to + bytes;
  const allBytes = bytes * runs;
  do {
    const header = w;
    w += kind == KIND_Q2_K ? HEADER_BYTES : HEADER_SCALES_BYTES;
    const part = to + SUPER_BLOCKS * K16_UNPACKED_BYTES;
    do {
      let from: usize = 0;
      for (let out = to; out < to + allBytes; out += bytes, from += distance) {
        unpackBlock(kind, w + from, header + from, out);
      }
      w += step;
      to += K16_UNPACKED_BYTES;
    } while (to < part);
  } while (to < end);
}

/** As `unpackK32`. */
export function unpackK16(kind: i32, w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  if (kind == KIND_Q6_K) unpack(KIND_Q6_K, w, distance, runs, to, blocks);
  else if (kind == KIND_Q3_K) unpack(KIND_Q3_K, w, distance, runs, to, blocks);
  else unpack(KIND_Q2_K, w, distance, runs, to, blocks);
}

/** Starts of the accumulators of columns 0 … 15: 0 for Q2_K, -8·Σx for Q3_K, -32·Σx for Q6_K, from -32·Σx. */
// @ts-ignore: decorator
@inline
function firstStart(kind: i32, x: usize): v128 {
  return kind == KIND_Q6_K ? v128.load(x) : kind == KIND_Q3_K ? quarter(v128.load(x)) : i32x4.splat(0);
}

/** The same of columns 16 … 31, from -8·Σx of all 32 at `all` besides. */
// @ts-ignore: decorator
@inline
function secondStart(kind: i32, all: usize, x: usize): v128 {
  if (kind == KIND_Q6_K) return i16x8.sub(fourfold(v128.load(all)), v128.load(x));
  return kind == KIND_Q3_K ? i16x8.sub(v128.load(all), quarter(v128.load(x))) : i32x4.splat(0);
}

/** Adds the products of the minima of one half to the sum at `at`. */
// @ts-ignore: decorator
@inline
function addMinimum(f: v128, s: usize, correction: v128, xs: v128, half: usize): v128 {
  return f32x4.add(f, f32x4.mul(v128.load(s + half), halfSum(correction, xs)));
}

/** Brings the integer sums of a block to the f32 sums of the tile. */
// @ts-ignore: decorator
@inline
function finish(kind: i32, s: usize, x: usize, sums: usize, i00: v128, i10: v128, i01: v128, i11: v128): void {
  const h0 = v128.load(s, 320), h1 = v128.load(s, 336), xs0 = v128.load(x, 288), xs1 = v128.load(x, 304); // prettier-ignore
  let f00 = scaled(v128.load(sums), i00, h0, xs0), f10 = scaled(v128.load(sums, 16), i10, h1, xs0); // prettier-ignore
  let f01 = scaled(v128.load(sums, 32), i01, h0, xs1), f11 = scaled(v128.load(sums, 48), i11, h1, xs1); // prettier-ignore
  if (kind == KIND_Q2_K) {
    let c0 = quarter(v128.load(x, 352)), c1 = quarter(v128.load(x, 368)); // prettier-ignore
    f00 = addMinimum(f00, s, c0, xs0, 352); f10 = addMinimum(f10, s, c0, xs0, 368);
    f01 = addMinimum(f01, s, c1, xs1, 352); f11 = addMinimum(f11, s, c1, xs1, 368);
    c0 = i16x8.sub(v128.load(x, 256), c0);
    c1 = i16x8.sub(v128.load(x, 272), c1);
    f00 = addMinimum(f00, s, c0, xs0, 384); f10 = addMinimum(f10, s, c0, xs0, 400);
    f01 = addMinimum(f01, s, c1, xs1, 384); f11 = addMinimum(f11, s, c1, xs1, 400);
  }
  v128.store(sums, f00); v128.store(sums, f10, 16); v128.store(sums, f01, 32); v128.store(sums, f11, 48); // prettier-ignore
}

/** Two rows of activations times one unpacked block: sums at `sums` += its products. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function meet(kind: i32, s: usize, x: usize, sums: usize): void {
  let a00 = firstStart(kind, x + 352), a10 = a00, a01 = firstStart(kind, x + 368), a11 = a01;
  let w0 = v128.load(s), w1 = v128.load(s, 16), x0 = v128.load(x), x1 = v128.load(x, 16);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 32); w1 = v128.load(s, 48); x0 = v128.load(x, 32); x1 = v128.load(x, 48);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 64); w1 = v128.load(s, 80); x0 = v128.load(x, 64); x1 = v128.load(x, 80);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 96); w1 = v128.load(s, 112); x0 = v128.load(x, 96); x1 = v128.load(x, 112);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  const first0 = v128.load(s, 256), first1 = v128.load(s, 272);
  let i00 = i32x4.dot_i16x8_s(a00, first0), i10 = i32x4.dot_i16x8_s(a10, first1);
  let i01 = i32x4.dot_i16x8_s(a01, first0), i11 = i32x4.dot_i16x8_s(a11, first1);
  a00 = secondStart(kind, x + 256, x + 352); a10 = a00;
  a01 = secondStart(kind, x + 272, x + 368); a11 = a01;
  w0 = v128.load(s, 128); w1 = v128.load(s, 144); x0 = v128.load(x, 128); x1 = v128.load(x, 144);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 160); w1 = v128.load(s, 176); x0 = v128.load(x, 160); x1 = v128.load(x, 176);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 192); w1 = v128.load(s, 208); x0 = v128.load(x, 192); x1 = v128.load(x, 208);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  w0 = v128.load(s, 224); w1 = v128.load(s, 240); x0 = v128.load(x, 224); x1 = v128.load(x, 240);
  a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
  const second0 = v128.load(s, 288), second1 = v128.load(s, 304);
  i00 = i32x4.add(i00, i32x4.dot_i16x8_s(a00, second0)); i10 = i32x4.add(i10, i32x4.dot_i16x8_s(a10, second1));
  i01 = i32x4.add(i01, i32x4.dot_i16x8_s(a01, second0)); i11 = i32x4.add(i11, i32x4.dot_i16x8_s(a11, second1));
  finish(kind, s, x, sums, i00, i10, i01, i11);
}

// prettier-ignore
// @ts-ignore: decorator
@inline
function tile(kind: i32, s: usize, x: usize, blocks: usize, sums: usize, y0: usize, y1: usize, isAdding: bool): void {
  const end = x + blocks * A8_PAIR_BYTES;
  const zero = f32x4.splat(0);
  v128.store(sums, zero); v128.store(sums, zero, 16); v128.store(sums, zero, 32); v128.store(sums, zero, 48);
  do {
    meet(kind, s, x, sums);
    s += K16_UNPACKED_BYTES;
    x += A8_PAIR_BYTES;
  } while (x < end);
  put(y0, v128.load(sums), isAdding);
  put(y0 + 16, v128.load(sums, 16), isAdding);
  if (!y1) return;
  put(y1, v128.load(sums, 32), isAdding);
  put(y1 + 16, v128.load(sums, 48), isAdding);
}

/** Two rows of activations (one pair tile of a8 pair) times one unpacked group; y1 = 0 when there is no second row. */
export function tileQ6K(s: usize, x: usize, blocks: usize, sums: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(KIND_Q6_K, s, x, blocks, sums, y0, y1, isAdding);
}
export function tileQ2K(s: usize, x: usize, blocks: usize, sums: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(KIND_Q2_K, s, x, blocks, sums, y0, y1, isAdding);
}
export function tileQ3K(s: usize, x: usize, blocks: usize, sums: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(KIND_Q3_K, s, x, blocks, sums, y0, y1, isAdding);
}
