/**
 * Groups of Q4_K, Q5_0, Q5_1 and Q5_K as matmul-q4-tile.ts wants them: a byte a weight, f32 scales and minima.
 */
import { HEADER_BYTES, KIND_Q4_K, KIND_Q5_0, KIND_Q5_1, KIND_Q5_K, Q5_0_BYTES, Q5_1_BYTES, SUPER_BLOCKS } from "./layout";
import { constantsTable, C_2048, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, C_NIBBLE, halves } from "./math";
import { UNPACKED_BYTES, unpackNibbles } from "./matmul-q4-tile";
import { unpack5 } from "./matmul-q5";
import { centred, floatsHigh, floatsLow } from "./super-block";

/** f32 scales and minima of a block of 8 rows: {scale R4 0, R4 1, minimum R4 0, R4 1} at `to`. */
// @ts-ignore: decorator
@inline
function unpackHalves(isQ51: bool, from: usize, to: usize, c: usize): void {
  const mask = v128.load(c, C_HALF_MASK * 16);
  const pairs = v128.load(from);
  const low = halves(pairs, v128.load(c, C_LOW_HALF * 16), mask);
  const high = halves(pairs, v128.load(c, C_HIGH_HALF * 16), mask);
  v128.store(to, low);
  if (!isQ51) {
    v128.store(to, high, 16);
    return;
  }
  const others = v128.load(from, 16);
  const scales = halves(others, v128.load(c, C_LOW_HALF * 16), mask);
  v128.store(to, scales, 16);
  v128.store(to, centred(high, low), 32);
  v128.store(to, centred(halves(others, v128.load(c, C_HIGH_HALF * 16), mask), scales), 48);
}

/** The same from the integers of a K32 block. */
// @ts-ignore: decorator
@inline
function unpackIntegers(header: usize, integers: usize, to: usize, isCentred: bool): void {
  const v = v128.load(integers);
  const scales = i16x8.extend_low_i8x16_u(v);
  const minima = i16x8.extend_high_i8x16_u(v);
  const s0 = f32x4.mul(v128.load(header), floatsLow(scales));
  const s1 = f32x4.mul(v128.load(header, 16), floatsHigh(scales));
  const m0 = f32x4.mul(v128.load(header, 32), floatsLow(minima));
  const m1 = f32x4.mul(v128.load(header, 48), floatsHigh(minima));
  v128.store(to, s0);
  v128.store(to, s1, 16);
  v128.store(to, isCentred ? centred(m0, s0) : m0, 32);
  v128.store(to, isCentred ? centred(m1, s1) : m1, 48);
}

/** Block `w` of a group; `header` is that of its superblock. */
// @ts-ignore: decorator
@inline
function unpackBlock(kind: i32, w: usize, header: usize, to: usize, c: usize): void {
  if (kind == KIND_Q4_K) {
    unpackNibbles(w, to, v128.load(c, C_NIBBLE * 16), v128.load(c, C_2048 * 16));
    unpackIntegers(header, w + 128, to + 256, false);
    return;
  }
  unpack5(w, to, c);
  unpack5(w + 80, to + 16, c);
  if (kind == KIND_Q5_K) unpackIntegers(header, w + 160, to + 256, true);
  else unpackHalves(kind != KIND_Q5_0, w + 160, to + 256, c);
}

/** `runs` groups, `distance` bytes apart: block by block in turn, one group after the other at `to`. */
// @ts-ignore: decorator
@inline
function unpack(kind: i32, w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  const c = constantsTable();
  const isSuper = kind == KIND_Q4_K || kind == KIND_Q5_K;
  const step: usize = kind == KIND_Q4_K ? 144 : kind == KIND_Q5_1 ? Q5_1_BYTES : Q5_0_BYTES;
  const bytes = blocks * UNPACKED_BYTES;
  const end = to + bytes;
  const allBytes = bytes * runs;
  do {
    const header = w;
    if (isSuper) w += HEADER_BYTES;
    const part = isSuper ? to + SUPER_BLOCKS * UNPACKED_BYTES : end;
    do {
      let from: usize = 0;
      for (let out = to; out < to + allBytes; out += bytes, from += distance) {
        unpackBlock(kind, w + from, header + from, out, c);
      }
      w += step;
      to += UNPACKED_BYTES;
    } while (to < part);
  } while (to < end);
}

/** `unpack` of each kind. */
export function unpackK32(kind: i32, w: usize, distance: usize, runs: usize, to: usize, blocks: usize): void {
  if (kind == KIND_Q4_K) unpack(KIND_Q4_K, w, distance, runs, to, blocks);
  else if (kind == KIND_Q5_0) unpack(KIND_Q5_0, w, distance, runs, to, blocks);
  else if (kind == KIND_Q5_1) unpack(KIND_Q5_1, w, distance, runs, to, blocks);
  else unpack(KIND_Q5_K, w, distance, runs, to, blocks);
}
