/**
 * Groups of Q4_K, Q5_0, Q5_1 and Q5_K as matmul-q4-tile.ts wants them: a byte a weight, f32 scales and minima.
 */
import { HEADER_BYTES, KIND_Q4_K, KIND_Q5_0, KIND_Q5_K, Q5_0_BYTES, Q5_1_BYTES, SUPER_BLOCKS } from "./layout";
import { constant, C_2048, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, C_NIBBLE, halves } from "./math";
import { UNPACKED_BYTES, unpackNibbles } from "./matmul-q4-tile";
import { unpack5 } from "./matmul-q5";
import { centred, floatsHigh, floatsLow } from "./super-block";

/** f32 scales and minima of a block of 8 rows: {scale R4 0, R4 1, minimum R4 0, R4 1} at `to`. */
function unpackHalves(isQ51: bool, from: usize, to: usize): void {
  const mask = constant(C_HALF_MASK);
  const pairs = v128.load(from);
  const low = halves(pairs, constant(C_LOW_HALF), mask);
  const high = halves(pairs, constant(C_HIGH_HALF), mask);
  v128.store(to, low);
  if (!isQ51) return v128.store(to, high, 16);
  const others = v128.load(from, 16);
  const scales = halves(others, constant(C_LOW_HALF), mask);
  v128.store(to, scales, 16);
  v128.store(to, centred(high, low), 32);
  v128.store(to, centred(halves(others, constant(C_HIGH_HALF), mask), scales), 48);
}

/** The same from the integers of a K32 block. */
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

/** One group of `blocks` blocks at `w`. */
export function unpackK32(kind: i32, w: usize, to: usize, blocks: usize): void {
  const isSuper = kind == KIND_Q4_K || kind == KIND_Q5_K;
  const nibble = constant(C_NIBBLE);
  const factor = constant(C_2048);
  const end = to + blocks * UNPACKED_BYTES;
  do {
    const header = w;
    if (isSuper) w += HEADER_BYTES;
    const part = isSuper ? to + SUPER_BLOCKS * UNPACKED_BYTES : end;
    do {
      if (kind == KIND_Q4_K) {
        unpackNibbles(w, to, nibble, factor);
        unpackIntegers(header, w + 128, to + 256, false);
        w += 144;
      } else {
        unpack5(w, to);
        unpack5(w + 80, to + 16);
        if (isSuper) unpackIntegers(header, w + 160, to + 256, true);
        else unpackHalves(kind != KIND_Q5_0, w + 160, to + 256);
        w += kind == KIND_Q5_0 || isSuper ? Q5_0_BYTES : Q5_1_BYTES;
      }
      to += UNPACKED_BYTES;
    } while (to < part);
  } while (to < end);
}
