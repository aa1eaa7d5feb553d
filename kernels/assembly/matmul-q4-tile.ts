/**
 * Kinds with one scale for 32 columns (Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K) times pairs of rows of int8 activations: a group
 * is unpacked once, then meets every pair of rows. Layouts, bounds and the order of sums are those of matmul-q4.ts,
 * matmul-q4k.ts and matmul-q5.ts. Unpacked block (f32 · 2^-112, or 2^-56 for kinds in superblocks):
 *
 *   0 j = 0 … 7: bytes of {R4 0, R4 1} | 256 scales of R4 0, R4 1 | 288 minima of R4 0, R4 1            320
 */
import { A8_PAIR_BYTES, Q4_0_BYTES, Q4_1_BYTES } from "./layout";
import { constant, C_2048, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, C_NIBBLE, C_ONE } from "./math";
import { C_ONES_16, C_UNSHIFT, halves } from "./math";
import { mac, put, widen } from "./matmul-q4";
import { addProduct } from "./order";
import { dot, shiftRight } from "./simd";

/** Bytes of an unpacked block. */
export const UNPACKED_BYTES: usize = 320;

/** The nibbles of a block of 8 rows, a byte a weight. */
// @ts-ignore: decorator
@inline
export function unpackNibbles(w: usize, to: usize, nibble: v128, factor: v128): void {
  let a = v128.load(w);
  let b = v128.load(w, 64);
  v128.store(to, v128.and(a, nibble));
  v128.store(to, v128.and(b, nibble), 16);
  v128.store(to, v128.and(shiftRight(a, factor), nibble), 128);
  v128.store(to, v128.and(shiftRight(b, factor), nibble), 144);
  a = v128.load(w, 16);
  b = v128.load(w, 80);
  v128.store(to, v128.and(a, nibble), 32);
  v128.store(to, v128.and(b, nibble), 48);
  v128.store(to, v128.and(shiftRight(a, factor), nibble), 160);
  v128.store(to, v128.and(shiftRight(b, factor), nibble), 176);
  a = v128.load(w, 32);
  b = v128.load(w, 96);
  v128.store(to, v128.and(a, nibble), 64);
  v128.store(to, v128.and(b, nibble), 80);
  v128.store(to, v128.and(shiftRight(a, factor), nibble), 192);
  v128.store(to, v128.and(shiftRight(b, factor), nibble), 208);
  a = v128.load(w, 48);
  b = v128.load(w, 112);
  v128.store(to, v128.and(a, nibble), 96);
  v128.store(to, v128.and(b, nibble), 112);
  v128.store(to, v128.and(shiftRight(a, factor), nibble), 224);
  v128.store(to, v128.and(shiftRight(b, factor), nibble), 240);
}

/** `runs` groups of Q4_0 or Q4_1, `distance` bytes apart, for `tile`: block by block in turn, one group after the other at `to`. */
// @ts-ignore: decorator
@inline
function unpack(isQ41: bool, w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const lowHalf = constant(C_LOW_HALF);
  const highHalf = constant(C_HIGH_HALF);
  const mask = constant(C_HALF_MASK);
  const bytes = blocks * UNPACKED_BYTES;
  const end = to + bytes;
  const allBytes = bytes * runs;
  do {
    let from = w;
    for (let out = to; out < to + allBytes; out += bytes, from += distance) {
      unpackNibbles(from, out, nibble, factor);
      const pairs = v128.load(from, 128);
      v128.store(out, halves(pairs, lowHalf, mask), 256);
      if (isQ41) {
        const others = v128.load(from, 144);
        v128.store(out, halves(others, lowHalf, mask), 272);
        v128.store(out, halves(pairs, highHalf, mask), 288);
        v128.store(out, halves(others, highHalf, mask), 304);
      } else {
        v128.store(out, halves(pairs, highHalf, mask), 272);
      }
    }
    w += isQ41 ? Q4_1_BYTES : Q4_0_BYTES;
    to += UNPACKED_BYTES;
  } while (to < end);
}

export function unpackQ40(w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  unpack(false, w, distance, runs, to, blocks);
}
export function unpackQ41(w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  unpack(true, w, distance, runs, to, blocks);
}

/** The first products, and for weights that count from 8 (`centre` 1) or 16 (2) the correction -8·Σx. */
// @ts-ignore: decorator
@inline
function first(centre: i32, x: v128, w: v128, correction: usize): v128 {
  const products = dot(x, w);
  if (centre == 0) return products;
  const c = v128.load(correction);
  return i16x8.add(products, centre == 1 ? c : i16x8.add(c, c));
}

/**
 * Two rows of activations (one pair tile of a8 pair) times one unpacked group: 8 x 2 results, times `unit` at the end.
 * Four i16 accumulators, two weight and two activation vectors: all in registers.
 */
// prettier-ignore
// @ts-ignore: decorator
@inline
function tile(
  centre: i32, hasMinimum: bool, unit: v128, s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool,
): void {
  const ones = constant(C_ONES_16);
  const end = x + blocks * A8_PAIR_BYTES;
  let f00 = f32x4.splat(0);
  let f10 = f32x4.splat(0);
  let f01 = f32x4.splat(0);
  let f11 = f32x4.splat(0);
  do {
    let w0 = v128.load(s), w1 = v128.load(s, 16), x0 = v128.load(x), x1 = v128.load(x, 16);
    let a00 = first(centre, x0, w0, x + 256), a10 = first(centre, x0, w1, x + 256);
    let a01 = first(centre, x1, w0, x + 272), a11 = first(centre, x1, w1, x + 272);
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
    f00 = widen(f00, a00, ones, f32x4.mul(v128.load(s, 256), v128.load(x, 288)));
    f10 = widen(f10, a10, ones, f32x4.mul(v128.load(s, 272), v128.load(x, 288)));
    f01 = widen(f01, a01, ones, f32x4.mul(v128.load(s, 256), v128.load(x, 304)));
    f11 = widen(f11, a11, ones, f32x4.mul(v128.load(s, 272), v128.load(x, 304)));
    if (hasMinimum) {
      f00 = addProduct(f00, v128.load(s, 288), v128.load(x, 320));
      f10 = addProduct(f10, v128.load(s, 304), v128.load(x, 320));
      f01 = addProduct(f01, v128.load(s, 288), v128.load(x, 336));
      f11 = addProduct(f11, v128.load(s, 304), v128.load(x, 336));
    }
    s += UNPACKED_BYTES;
    x += A8_PAIR_BYTES;
  } while (x < end);
  put(y0, f32x4.mul(f00, unit), isAdding);
  put(y0 + 16, f32x4.mul(f10, unit), isAdding);
  if (!y1) return;
  put(y1, f32x4.mul(f01, unit), isAdding);
  put(y1 + 16, f32x4.mul(f11, unit), isAdding);
}

/** `s`: the group unpacked; y1 = 0 when there is no second row. */
export function tileQ40(s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(1, false, constant(C_UNSHIFT), s, x, blocks, y0, y1, isAdding);
}
/** Q4_1, and Q4_K if `isSuper`. */
// prettier-ignore
export function tileQ41(
  isSuper: bool, s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool,
): void {
  const unit = isSuper ? constant(C_ONE) : constant(C_UNSHIFT);
  tile(0, true, unit, s, x, blocks, y0, y1, isAdding);
}
export function tileQ50(s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  tile(2, false, constant(C_UNSHIFT), s, x, blocks, y0, y1, isAdding);
}
/** Q5_1, and Q5_K if `isSuper`. */
// prettier-ignore
export function tileQ51(
  isSuper: bool, s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool,
): void {
  const unit = isSuper ? constant(C_ONE) : constant(C_UNSHIFT);
  tile(2, true, unit, s, x, blocks, y0, y1, isAdding);
}
