/**
 * Activations: blocks of 32 floats to the forms the weight kernels multiply with. Scale = largest magnitude / limit,
 * values rounded to nearest even; blocks below 1e-30 become zeros. Block layouts (bytes):
 *
 *   a8        0 int8[32] | 32 i16 -8·Σx(k%4<2), i16 -8·Σx(k%4≥2) | 36 f32 scale' | 40 f32 scale'·Σx | 44 as 32, -32·Σx, k<16   48
 *   a8 pair   j=0…7 {row a: 4 x the 4 bytes of group j | row b} | corrections a, b | scales a, b | scaled sums a, b |
 *             352 four times those over k<16 a, b                                                                       384
 *   a16       0 i16[32] | 64 scale x4                                                                                 80
 *   a16 pair  j=0…15 {row a: 4 x the 2 values of pair j | row b} | scales a, b                                       544
 *
 * scale' of a8 is the scale · 2^56, for the weights' f16 scales that count 2^-112 (matmul-q4.ts).
 * The pair layouts hold rows 2i and 2i+1; each store of one row is 16 bytes wide at a stride of 32.
 * Bounds: |-8·Σ of 16| ≤ 16256 fits i16; the i16 accumulators of the dot products are bounded in matmul-q4.ts.
 */
import { A16_BYTES, A16_PAIR_BYTES, A8_BYTES, A8_PAIR_BYTES, F32_BYTES } from "./layout";
import { LAYOUT_A16, LAYOUT_A16_PAIR, LAYOUT_A8, LAYOUT_A8_PAIR, LAYOUT_F32 } from "./layout";
import { argument, constant, C_MAGIC, C_MAGIC_BITS, C_MAGNITUDE, C_MINUS_8, C_ONES_8 } from "./math";
import { lane0, lane1, lane2, lane3, maxLanes, round } from "./math";
import { dot } from "./simd";

const TINY: f32 = 1e-30;
const SHIFT: f32 = 72057594037927936;

// @ts-ignore: decorator
@inline
function largestOf8(src: usize, magnitude: v128): v128 {
  return f32x4.pmax(v128.and(v128.load(src), magnitude), v128.and(v128.load(src, 16), magnitude));
}

/** Largest magnitude of 32 floats. */
export function largest32(src: usize): f32 {
  const magnitude = constant(C_MAGNITUDE);
  let m = largestOf8(src, magnitude);
  m = f32x4.pmax(m, largestOf8(src + 32, magnitude));
  m = f32x4.pmax(m, largestOf8(src + 64, magnitude));
  m = f32x4.pmax(m, largestOf8(src + 96, magnitude));
  return maxLanes(m);
}

/** Factor that maps magnitudes up to `largest` to `limit`; 0 for blocks that count as zeros. */
// @ts-ignore: decorator
@inline
export function inverseScale(largest: f32, limit: f32): f32 {
  return largest < TINY ? 0 : limit / largest;
}

// @ts-ignore: decorator
@inline
export function forwardScale(largest: f32, limit: f32): f32 {
  return largest < TINY ? 0 : largest / limit;
}

/** 8 floats at `src` to i16. */
// @ts-ignore: decorator
@inline
export function round8(src: usize, factor: v128, magic: v128, magicBits: v128): v128 {
  const a = round(f32x4.mul(v128.load(src), factor), magic, magicBits);
  const b = round(f32x4.mul(v128.load(src, 16), factor), magic, magicBits);
  return i16x8.narrow_i32x4_s(a, b);
}

/** Sums of the even and of the odd i16 lanes, in all of them. */
// @ts-ignore: decorator
@inline
function sumPairs(v: v128): v128 {
  const s = i16x8.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i16x8.add(s, i8x16.shuffle(s, s, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
}

function quantize8(src: usize, dst: usize, isPair: bool): void {
  const m = largest32(src);
  const factor = f32x4.splat(inverseScale(m, 127));
  const scale = forwardScale(m, 127) * SHIFT;
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  const a = i8x16.narrow_i16x8_s(round8(src, factor, magic, bits), round8(src + 32, factor, magic, bits));
  const b = i8x16.narrow_i16x8_s(round8(src + 64, factor, magic, bits), round8(src + 96, factor, magic, bits));
  const ones = constant(C_ONES_8);
  // Sums over k%4<2 in even i16 lanes, k%4≥2 in odd ones; then over the four 32-bit lanes.
  const first = sumPairs(dot(a, ones));
  const s = i16x8.add(first, sumPairs(dot(b, ones)));
  const correction = i16x8.mul(s, constant(C_MINUS_8));
  const twice = i16x8.add(first, first);
  const firstCorrection = i16x8.mul(i16x8.add(twice, twice), constant(C_MINUS_8));
  const sum = <f32>(i16x8.extract_lane_s(s, 0) + i16x8.extract_lane_s(s, 1)) * scale;
  if (isPair) {
    v128.store(dst, lane0(a));
    v128.store(dst, lane1(a), 32);
    v128.store(dst, lane2(a), 64);
    v128.store(dst, lane3(a), 96);
    v128.store(dst, lane0(b), 128);
    v128.store(dst, lane1(b), 160);
    v128.store(dst, lane2(b), 192);
    v128.store(dst, lane3(b), 224);
    v128.store(dst, correction, 256);
    v128.store(dst, f32x4.splat(scale), 288);
    v128.store(dst, f32x4.splat(sum), 320);
    v128.store(dst, firstCorrection, 352);
  } else {
    v128.store(dst, a);
    v128.store(dst, b, 16);
    v128.store(dst, correction, 32);
    store<f32>(dst, scale, 36);
    store<f32>(dst, sum, 40);
    store<i32>(dst, i32x4.extract_lane(firstCorrection, 0), 44);
  }
}

/** 32 floats to the a16 block; also used for queries, with their own limit and factor on the scale. */
export function quantize16(src: usize, dst: usize, limit: f32, scaleFactor: f32): void {
  const m = largest32(src);
  const factor = f32x4.splat(inverseScale(m, limit));
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  v128.store(dst, round8(src, factor, magic, bits));
  v128.store(dst, round8(src + 32, factor, magic, bits), 16);
  v128.store(dst, round8(src + 64, factor, magic, bits), 32);
  v128.store(dst, round8(src + 96, factor, magic, bits), 48);
  v128.store(dst, f32x4.splat(forwardScale(m, limit) * scaleFactor), 64);
}

function quantize16Pair(src: usize, dst: usize): void {
  const m = largest32(src);
  const factor = f32x4.splat(inverseScale(m, 32767));
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  const end = src + 128;
  let to = dst;
  do {
    const v = round8(src, factor, magic, bits);
    v128.store(to, lane0(v));
    v128.store(to, lane1(v), 32);
    v128.store(to, lane2(v), 64);
    v128.store(to, lane3(v), 96);
    src += 32;
    to += 128;
  } while (src < end);
  v128.store(dst, f32x4.splat(forwardScale(m, 32767)), 512);
}

/** One block of 32 floats in the given layout. */
export function quantizeBlock(layout: i32, src: usize, dst: usize): void {
  if (layout == LAYOUT_A8) quantize8(src, dst, false);
  else if (layout == LAYOUT_A8_PAIR) quantize8(src, dst, true);
  else if (layout == LAYOUT_A16) quantize16(src, dst, 32767, 1);
  else if (layout == LAYOUT_A16_PAIR) quantize16Pair(src, dst);
  else memory.copy(dst, src, F32_BYTES);
}

/** Bytes from one block of a row to the next. */
export function blockStep(layout: i32): usize {
  if (layout == LAYOUT_A8) return A8_BYTES;
  if (layout == LAYOUT_A8_PAIR) return A8_PAIR_BYTES;
  if (layout == LAYOUT_A16) return A16_BYTES;
  return layout == LAYOUT_A16_PAIR ? A16_PAIR_BYTES : F32_BYTES;
}

/** Where row `row` of the quantized activations starts. */
export function rowStart(layout: i32, out: usize, row: usize, blocks: usize): usize {
  const isPair = layout == LAYOUT_A8_PAIR || layout == LAYOUT_A16_PAIR;
  if (isPair) return out + (row >> 1) * blocks * blockStep(layout) + (row & 1) * 16;
  return out + row * blocks * blockStep(layout);
}

/** Zeros in place of the missing second row of the last pair. */
export function clearPartner(layout: i32, out: usize, rows: usize, blocks: usize): void {
  if (layout == LAYOUT_F32 || (rows & 1) == 0 || rows == 1) return;
  const step = blockStep(layout);
  let to = rowStart(layout, out, rows, blocks);
  const end = to + blocks * step;
  for (; to < end; to += 32) v128.store(to, i32x4.splat(0));
}

/** Arguments: x, out, layout, rows, cols, rows a chunk. */
export function quantizeChunk(chunk: usize): void {
  const layout = <i32>argument(2);
  const rows = argument(3);
  const cols = argument(4);
  const from = chunk * argument(5);
  const to = min(from + argument(5), rows);
  const step = blockStep(layout);
  for (let row = from; row < to; row++) {
    let src = argument(0) + row * cols * 4;
    const end = src + cols * 4;
    let dst = rowStart(layout, argument(1), row, cols >> 5);
    for (; src < end; src += 128, dst += step) quantizeBlock(layout, src, dst);
  }
  if (to == rows) clearPartner(layout, argument(1), rows, cols >> 5);
}
