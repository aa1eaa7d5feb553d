/**
 * Q8_0 times i16 activations, exact in i32. A group is 8 rows; per block of 32 columns:
 *
 *   pair p = 0 … 15 of columns (2p, 2p+1), at p·16:  rows 0…3, 2 bytes each | rows 4…7, 2 bytes each
 *   256: f32 scale of 8 rows
 *
 * |Σ of 32 products| ≤ 32·128·32767 < 2^27.01, fits i32. f32 order: per block f += sum·(scale·xscale).
 * matmul-q8-tile.ts is the same for more rows.
 */
import { A16_BYTES, Q8_0_BYTES } from "./layout";
import { clearSums, put } from "./matmul-q4";
import { addProduct } from "./order";

/** acc + products of pairs of i16. */
// @ts-ignore: decorator
@inline
export function mac(acc: v128, w: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(w, x));
}

/** f + acc · scale */
// @ts-ignore: decorator
@inline
export function widen(f: v128, acc: v128, scale: v128): v128 {
  return addProduct(f, f32x4.convert_i32x4_s(acc), scale);
}

/** Sums += a block's products, scaled. */
// @ts-ignore: decorator
@inline
function finish(f: usize, scales: usize, a0: v128, a1: v128, xs: v128): void {
  v128.store(f, widen(v128.load(f), a0, f32x4.mul(v128.load(scales), xs)));
  v128.store(f, widen(v128.load(f, 16), a1, f32x4.mul(v128.load(scales, 16), xs)), 16);
}

/**
 * Block `at` of x times the same block of `count` = 1, 2 or 4 streams, `apart` bytes from each other: what x needs is spread
 * once for all.
 */
// prettier-ignore
// @ts-ignore: decorator
@inline
function meet(count: i32, w: usize, apart: usize, at: usize, f: usize): void {
  let v = w + apart, u = v + apart, t = u + apart;
  let a0 = i32x4.splat(0);
  let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const end = at + 64;
  do {
    let x = v128.load32_splat(at);
    a0 = mac(a0, v128.load_ext<i8>(w), x); a1 = mac(a1, v128.load_ext<i8>(w, 8), x);
    if (count > 1) { b0 = mac(b0, v128.load_ext<i8>(v), x); b1 = mac(b1, v128.load_ext<i8>(v, 8), x); }
    if (count > 2) { c0 = mac(c0, v128.load_ext<i8>(u), x); c1 = mac(c1, v128.load_ext<i8>(u, 8), x); }
    if (count > 2) { d0 = mac(d0, v128.load_ext<i8>(t), x); d1 = mac(d1, v128.load_ext<i8>(t, 8), x); }
    x = v128.load32_splat(at + 4);
    a0 = mac(a0, v128.load_ext<i8>(w, 16), x); a1 = mac(a1, v128.load_ext<i8>(w, 24), x);
    if (count > 1) { b0 = mac(b0, v128.load_ext<i8>(v, 16), x); b1 = mac(b1, v128.load_ext<i8>(v, 24), x); }
    if (count > 2) { c0 = mac(c0, v128.load_ext<i8>(u, 16), x); c1 = mac(c1, v128.load_ext<i8>(u, 24), x); }
    if (count > 2) { d0 = mac(d0, v128.load_ext<i8>(t, 16), x); d1 = mac(d1, v128.load_ext<i8>(t, 24), x); }
    x = v128.load32_splat(at + 8);
    a0 = mac(a0, v128.load_ext<i8>(w, 32), x); a1 = mac(a1, v128.load_ext<i8>(w, 40), x);
    if (count > 1) { b0 = mac(b0, v128.load_ext<i8>(v, 32), x); b1 = mac(b1, v128.load_ext<i8>(v, 40), x); }
    if (count > 2) { c0 = mac(c0, v128.load_ext<i8>(u, 32), x); c1 = mac(c1, v128.load_ext<i8>(u, 40), x); }
    if (count > 2) { d0 = mac(d0, v128.load_ext<i8>(t, 32), x); d1 = mac(d1, v128.load_ext<i8>(t, 40), x); }
    x = v128.load32_splat(at + 12);
    a0 = mac(a0, v128.load_ext<i8>(w, 48), x); a1 = mac(a1, v128.load_ext<i8>(w, 56), x);
    if (count > 1) { b0 = mac(b0, v128.load_ext<i8>(v, 48), x); b1 = mac(b1, v128.load_ext<i8>(v, 56), x); }
    if (count > 2) { c0 = mac(c0, v128.load_ext<i8>(u, 48), x); c1 = mac(c1, v128.load_ext<i8>(u, 56), x); }
    if (count > 2) { d0 = mac(d0, v128.load_ext<i8>(t, 48), x); d1 = mac(d1, v128.load_ext<i8>(t, 56), x); }
    at += 16; w += 64; v += 64; u += 64; t += 64;
  } while (at < end);
  const xs = v128.load(at);
  finish(f, w, a0, a1, xs);
  if (count > 1) finish(f + 32, v, b0, b1, xs);
  if (count > 2) finish(f + 64, u, c0, c1, xs);
  if (count > 2) finish(f + 96, t, d0, d1, xs);
}

/** One row of activations (a16) through `streams` runs of `groups` groups; `sums` holds 32 bytes a stream. */
export function gemvQ80(
  w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const xEnd = x + blocks * A16_BYTES;
  const end = y + groups * 32;
  const distance = groups * blocks * Q8_0_BYTES;
  const sumsEnd = sums + streams * 32;
  const foursEnd = sums + (streams & ~3) * 32;
  do {
    clearSums(sums, sumsEnd);
    let at = x;
    do {
      let from = w;
      let f = sums;
      for (; f < foursEnd; f += 128, from += distance << 2) meet(4, from, distance, at, f);
      if (streams & 2) {
        meet(2, from, distance, at, f);
        f += 64;
        from += distance << 1;
      }
      if (streams & 1) meet(1, from, distance, at, f);
      w += Q8_0_BYTES;
      at += A16_BYTES;
    } while (at < xEnd);
    let to = y;
    for (let f = sums; f < sumsEnd; f += 32, to += groups * 32) {
      put(to, v128.load(f), isAdding);
      put(to + 16, v128.load(f, 16), isAdding);
    }
    y += 32;
  } while (y < end);
}
