/**
 * Q4_0 and Q4_1 times int8 activations. A group is 8 rows; per block of 32 columns (R4 = four rows):
 *
 *   vector j of R4 r, at r·64 + j·16:  row 4r | row 4r+1 | row 4r+2 | row 4r+3, 4 bytes each
 *   byte i of a row: low nibble = column 4j+i, high nibble = column 16+4j+i (rounding compensated, see pack.ts)
 *   128: f32 scale of 8 rows;  Q4_1 only, 160: f32 minimum of 8 rows
 *
 * i16 accumulators take 8 groups of 4 columns, two products a lane and step: |sum| ≤ 8·2·15·127 = 30480 < 32768.
 * Q4_0 starts them at -8·Σx of the same columns; the true value |Σ(w-8)x| ≤ 16256, so wrapping on the way is harmless.
 * f32 order, gemv and GEMM alike: per block, f += i·(scale·xscale), then for Q4_1 f += minimum·xsum.
 * 33 vector operations a 128 MAC in gemv, 21 in GEMM.
 */
import { A8_BYTES, A8_PAIR_BYTES, Q4_0_BYTES, Q4_1_BYTES } from "./layout";
import { constant, C_2048, C_NIBBLE, C_ONES_16, lane0, lane1, lane2, lane3 } from "./math";
import { dot, shiftRight4 } from "./simd";

/** acc + products of the low nibbles of w with x and of the high ones with y. */
// @ts-ignore: decorator
@inline
function both(acc: v128, w: v128, x: v128, y: v128, nibble: v128, factor: v128): v128 {
  const low = i16x8.add(acc, dot(x, v128.and(w, nibble)));
  return i16x8.add(low, dot(y, v128.and(shiftRight4(w, factor), nibble)));
}

// @ts-ignore: decorator
@inline
function mac(acc: v128, x: v128, w: v128): v128 {
  return i16x8.add(acc, dot(x, w));
}

/** f + i32 sums of acc · scale */
// @ts-ignore: decorator
@inline
function widen(f: v128, acc: v128, ones: v128, scale: v128): v128 {
  return f32x4.add(f, f32x4.mul(f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(acc, ones)), scale));
}

/** Stores or adds four results. */
// @ts-ignore: decorator
@inline
export function put(y: usize, f: v128, isAdding: bool): void {
  v128.store(y, isAdding ? f32x4.add(v128.load(y), f) : f);
}

// @ts-ignore: decorator
@inline
function gemv(isQ41: bool, w: usize, x: usize, y: usize, groups: usize, blocks: usize, isAdding: bool): void {
  const step: usize = isQ41 ? Q4_1_BYTES : Q4_0_BYTES;
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
      const low = v128.load(at);
      const high = v128.load(at, 16);
      const tail = v128.load(at, 32);
      let xl = lane0(low);
      let xh = lane0(high);
      const start = isQ41 ? i32x4.splat(0) : lane0(tail);
      let a0 = both(start, v128.load(w), xl, xh, nibble, factor);
      let a1 = both(start, v128.load(w, 64), xl, xh, nibble, factor);
      xl = lane1(low);
      xh = lane1(high);
      a0 = both(a0, v128.load(w, 16), xl, xh, nibble, factor);
      a1 = both(a1, v128.load(w, 80), xl, xh, nibble, factor);
      xl = lane2(low);
      xh = lane2(high);
      a0 = both(a0, v128.load(w, 32), xl, xh, nibble, factor);
      a1 = both(a1, v128.load(w, 96), xl, xh, nibble, factor);
      xl = lane3(low);
      xh = lane3(high);
      a0 = both(a0, v128.load(w, 48), xl, xh, nibble, factor);
      a1 = both(a1, v128.load(w, 112), xl, xh, nibble, factor);
      const xs = lane1(tail);
      f0 = widen(f0, a0, ones, f32x4.mul(v128.load(w, 128), xs));
      f1 = widen(f1, a1, ones, f32x4.mul(v128.load(w, 144), xs));
      if (isQ41) {
        const xsum = lane2(tail);
        f0 = f32x4.add(f0, f32x4.mul(v128.load(w, 160), xsum));
        f1 = f32x4.add(f1, f32x4.mul(v128.load(w, 176), xsum));
      }
      w += step;
      at += A8_BYTES;
    } while (at < xEnd);
    put(y, f0, isAdding);
    put(y + 16, f1, isAdding);
    y += 32;
  } while (y < end);
}

/** One row of activations (a8), `groups` groups of 8 rows. */
export function gemvQ40(w: usize, x: usize, y: usize, groups: usize, blocks: usize, isAdding: bool): void {
  gemv(false, w, x, y, groups, blocks, isAdding);
}
export function gemvQ41(w: usize, x: usize, y: usize, groups: usize, blocks: usize, isAdding: bool): void {
  gemv(true, w, x, y, groups, blocks, isAdding);
}

/** The nibbles of one group as bytes: per block, group of 4 columns j = 0 … 7, {R4 0, R4 1}. */
export function unpackNibbles(w: usize, step: usize, to: usize, blocks: usize): void {
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const end = to + blocks * 256;
  do {
    for (let j: usize = 0; j < 64; j += 16) {
      const a = v128.load(w + j);
      const b = v128.load(w + j, 64);
      const out = to + j * 2;
      v128.store(out, v128.and(a, nibble));
      v128.store(out, v128.and(b, nibble), 16);
      v128.store(out, v128.and(shiftRight4(a, factor), nibble), 128);
      v128.store(out, v128.and(shiftRight4(b, factor), nibble), 144);
    }
    w += step;
    to += 256;
  } while (to < end);
}

/**
 * Two rows of activations (one pair tile of a8 pair) times one unpacked group: 8 x 2 results.
 * Four i16 accumulators, two weight and two activation vectors: all in registers.
 */
// @ts-ignore: decorator
@inline
function tile(isQ41: bool, s: usize, scales: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  const step: usize = isQ41 ? Q4_1_BYTES : Q4_0_BYTES;
  const ones = constant(C_ONES_16);
  const end = x + blocks * A8_PAIR_BYTES;
  let f00 = f32x4.splat(0);
  let f10 = f32x4.splat(0);
  let f01 = f32x4.splat(0);
  let f11 = f32x4.splat(0);
  do {
    let a00 = isQ41 ? i32x4.splat(0) : v128.load(x, 256);
    let a10 = a00;
    let a01 = isQ41 ? a00 : v128.load(x, 272);
    let a11 = a01;
    let w0 = v128.load(s), w1 = v128.load(s, 16), x0 = v128.load(x), x1 = v128.load(x, 16); // prettier-ignore
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 32); w1 = v128.load(s, 48); x0 = v128.load(x, 32); x1 = v128.load(x, 48);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 64); w1 = v128.load(s, 80); x0 = v128.load(x, 64); x1 = v128.load(x, 80);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 96); w1 = v128.load(s, 112); x0 = v128.load(x, 96); x1 = v128.load(x, 112);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 128); w1 = v128.load(s, 144); x0 = v128.load(x, 128); x1 = v128.load(x, 144);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 160); w1 = v128.load(s, 176); x0 = v128.load(x, 160); x1 = v128.load(x, 176);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 192); w1 = v128.load(s, 208); x0 = v128.load(x, 192); x1 = v128.load(x, 208);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    w0 = v128.load(s, 224); w1 = v128.load(s, 240); x0 = v128.load(x, 224); x1 = v128.load(x, 240);
    a00 = mac(a00, x0, w0); a10 = mac(a10, x0, w1); a01 = mac(a01, x1, w0); a11 = mac(a11, x1, w1);
    f00 = widen(f00, a00, ones, f32x4.mul(v128.load(scales), v128.load(x, 288)));
    f10 = widen(f10, a10, ones, f32x4.mul(v128.load(scales, 16), v128.load(x, 288)));
    f01 = widen(f01, a01, ones, f32x4.mul(v128.load(scales), v128.load(x, 304)));
    f11 = widen(f11, a11, ones, f32x4.mul(v128.load(scales, 16), v128.load(x, 304)));
    if (isQ41) {
      f00 = f32x4.add(f00, f32x4.mul(v128.load(scales, 32), v128.load(x, 320)));
      f10 = f32x4.add(f10, f32x4.mul(v128.load(scales, 48), v128.load(x, 320)));
      f01 = f32x4.add(f01, f32x4.mul(v128.load(scales, 32), v128.load(x, 336)));
      f11 = f32x4.add(f11, f32x4.mul(v128.load(scales, 48), v128.load(x, 336)));
    }
    s += 256;
    scales += step;
    x += A8_PAIR_BYTES;
  } while (x < end);
  put(y0, f00, isAdding);
  put(y0 + 16, f10, isAdding);
  if (!y1) return;
  put(y1, f01, isAdding);
  put(y1 + 16, f11, isAdding);
}

/** `s`: the group unpacked; `scales`: scale of its first block; y1 = 0 when there is no second row. */
export function tileQ40(s: usize, scales: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(false, s, scales, x, blocks, y0, y1, isAdding);
}
export function tileQ41(s: usize, scales: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(true, s, scales, x, blocks, y0, y1, isAdding);
}
