/**
 * Q8_0 times pairs of rows of i16 activations: a group is unpacked once, then meets every pair of rows. Layout, bound and the
 * order of sums are those of matmul-q8.ts.
 */
import { A16_PAIR_BYTES, Q8_0_BYTES } from "./layout";
import { put } from "./matmul-q4";
import { mac, widen } from "./matmul-q8";

/** Bytes of an unpacked block: 16 pairs {R4 0, R4 1} of i16. */
export const UNPACKED_Q8_BYTES: usize = 512;

/** 16 columns of 8 rows as i16. */
// @ts-ignore: decorator
@inline
function unpackHalf(w: usize, to: usize): void {
  v128.store(to, v128.load_ext<i8>(w));
  v128.store(to, v128.load_ext<i8>(w, 8), 16);
  v128.store(to, v128.load_ext<i8>(w, 16), 32);
  v128.store(to, v128.load_ext<i8>(w, 24), 48);
  v128.store(to, v128.load_ext<i8>(w, 32), 64);
  v128.store(to, v128.load_ext<i8>(w, 40), 80);
  v128.store(to, v128.load_ext<i8>(w, 48), 96);
  v128.store(to, v128.load_ext<i8>(w, 56), 112);
  v128.store(to, v128.load_ext<i8>(w, 64), 128);
  v128.store(to, v128.load_ext<i8>(w, 72), 144);
  v128.store(to, v128.load_ext<i8>(w, 80), 160);
  v128.store(to, v128.load_ext<i8>(w, 88), 176);
  v128.store(to, v128.load_ext<i8>(w, 96), 192);
  v128.store(to, v128.load_ext<i8>(w, 104), 208);
  v128.store(to, v128.load_ext<i8>(w, 112), 224);
  v128.store(to, v128.load_ext<i8>(w, 120), 240);
}

/** `runs` groups, `distance` bytes apart, as i16: block by block in turn, one group after the other at `to`. */
export function unpackQ80(w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  const bytes = blocks * UNPACKED_Q8_BYTES;
  const end = to + bytes;
  const allBytes = bytes * runs;
  do {
    let from = w;
    for (let out = to; out < to + allBytes; out += bytes, from += distance) {
      unpackHalf(from, out);
      unpackHalf(from + 128, out + 256);
    }
    w += Q8_0_BYTES;
    to += UNPACKED_Q8_BYTES;
  } while (to < end);
}

/** Two rows of activations (one tile of a16 pair) times one unpacked group; y1 = 0 when there is no second row. */
// prettier-ignore
export function tileQ80(s: usize, scales: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  const end = x + blocks * A16_PAIR_BYTES;
  let f00 = f32x4.splat(0);
  let f10 = f32x4.splat(0);
  let f01 = f32x4.splat(0);
  let f11 = f32x4.splat(0);
  do {
    let w0 = v128.load(s), w1 = v128.load(s, 16), x0 = v128.load(x), x1 = v128.load(x, 16);
    let a00 = i32x4.dot_i16x8_s(w0, x0), a10 = i32x4.dot_i16x8_s(w1, x0);
    let a01 = i32x4.dot_i16x8_s(w0, x1), a11 = i32x4.dot_i16x8_s(w1, x1);
    w0 = v128.load(s, 32); w1 = v128.load(s, 48); x0 = v128.load(x, 32); x1 = v128.load(x, 48);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 64); w1 = v128.load(s, 80); x0 = v128.load(x, 64); x1 = v128.load(x, 80);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 96); w1 = v128.load(s, 112); x0 = v128.load(x, 96); x1 = v128.load(x, 112);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 128); w1 = v128.load(s, 144); x0 = v128.load(x, 128); x1 = v128.load(x, 144);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 160); w1 = v128.load(s, 176); x0 = v128.load(x, 160); x1 = v128.load(x, 176);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 192); w1 = v128.load(s, 208); x0 = v128.load(x, 192); x1 = v128.load(x, 208);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 224); w1 = v128.load(s, 240); x0 = v128.load(x, 224); x1 = v128.load(x, 240);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 256); w1 = v128.load(s, 272); x0 = v128.load(x, 256); x1 = v128.load(x, 272);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 288); w1 = v128.load(s, 304); x0 = v128.load(x, 288); x1 = v128.load(x, 304);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 320); w1 = v128.load(s, 336); x0 = v128.load(x, 320); x1 = v128.load(x, 336);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 352); w1 = v128.load(s, 368); x0 = v128.load(x, 352); x1 = v128.load(x, 368);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 384); w1 = v128.load(s, 400); x0 = v128.load(x, 384); x1 = v128.load(x, 400);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 416); w1 = v128.load(s, 432); x0 = v128.load(x, 416); x1 = v128.load(x, 432);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 448); w1 = v128.load(s, 464); x0 = v128.load(x, 448); x1 = v128.load(x, 464);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    w0 = v128.load(s, 480); w1 = v128.load(s, 496); x0 = v128.load(x, 480); x1 = v128.load(x, 496);
    a00 = mac(a00, w0, x0); a10 = mac(a10, w1, x0); a01 = mac(a01, w0, x1); a11 = mac(a11, w1, x1);
    f00 = widen(f00, a00, f32x4.mul(v128.load(scales), v128.load(x, 512)));
    f10 = widen(f10, a10, f32x4.mul(v128.load(scales, 16), v128.load(x, 512)));
    f01 = widen(f01, a01, f32x4.mul(v128.load(scales), v128.load(x, 528)));
    f11 = widen(f11, a11, f32x4.mul(v128.load(scales, 16), v128.load(x, 528)));
    s += UNPACKED_Q8_BYTES;
    x += A16_PAIR_BYTES;
    scales += Q8_0_BYTES;
  } while (x < end);
  put(y0, f00, isAdding);
  put(y0 + 16, f10, isAdding);
  if (!y1) return;
  put(y1, f01, isAdding);
  put(y1 + 16, f11, isAdding);
}
