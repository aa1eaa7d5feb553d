/**
 * Probabilities as factors of values (attention-tile.ts): p·vscale of each token, quantized to i16 by the largest.
 */
import { constant, C_LANES, C_MAGIC, C_MAGIC_BITS, lane0, lane1, lane2, lane3, maxLanes } from "./math";
import { forwardScale, inverseScale, round8 } from "./quantize";

// Scratch of one tile that this file knows.
export const INFO: usize = 0; // per vector: query, u16 tokens, u16 first, partial, f32 scale of p'
export const SCORES: usize = 1536; // f32 [4][256]
export const PAIRS: usize = 16384; // broadcast pairs [128][4]
const PRODUCTS: usize = 24576; // f32 [256]: p·vscale

/** Four broadcast pairs at a stride of 64. */
// @ts-ignore: decorator
@inline
export function spread(v: v128, to: usize): void {
  v128.store(to, lane0(v));
  v128.store(to, lane1(v), 64);
  v128.store(to, lane2(v), 128);
  v128.store(to, lane3(v), 192);
}

/** p·vscale of the tokens vector i sees at PRODUCTS, zeros up to `all`; the largest, by lanes. `scales` as in `weigh`. */
function multiplyScales(s: usize, i: usize, table: usize, all: usize, scales: usize): v128 {
  const tokens = <usize>load<u16>(s + INFO + i * 16, 4);
  const seenEnd = s + SCORES + i * 1024 + (tokens & ~3) * 4;
  const productsEnd = s + PRODUCTS + all * 4;
  let p = s + SCORES + i * 1024;
  let to = s + PRODUCTS;
  let scale: usize = 0;
  let m = f32x4.splat(0);
  let n = m;
  while (p < seenEnd) {
    scale = <usize>load<u32>(table) + scales;
    table += 4;
    const end = min(p + 128, seenEnd);
    for (; p + 32 <= end; scale += 32, p += 32, to += 32) {
      const first = f32x4.mul(v128.load(p), v128.load(scale));
      const second = f32x4.mul(v128.load(p, 16), v128.load(scale, 16));
      v128.store(to, first);
      v128.store(to, second, 16);
      m = f32x4.pmax(m, first);
      n = f32x4.pmax(n, second);
    }
    for (; p < end; scale += 16, p += 16, to += 16) {
      const product = f32x4.mul(v128.load(p), v128.load(scale));
      v128.store(to, product);
      m = f32x4.pmax(m, product);
    }
  }
  if (tokens & 3) {
    // The scales of tokens that are not there may be anything.
    if ((tokens & 28) == 0) scale = <usize>load<u32>(table) + scales;
    const isSeen = i32x4.lt_s(constant(C_LANES), i32x4.splat(tokens & 3));
    const product = v128.and(f32x4.mul(v128.load(p), v128.load(scale)), isSeen);
    v128.store(to, product);
    m = f32x4.pmax(m, product);
    to += 16;
  }
  for (; to < productsEnd; to += 16) v128.store(to, f32x4.splat(0));
  return f32x4.pmax(m, n);
}

/** p·vscale of vector i as i16 pairs; their scale into its info. `scales` = offset of the value scales in a page. */
export function weigh(s: usize, i: usize, table: usize, all: usize, scales: usize, limit: f32): void {
  const largest = maxLanes(multiplyScales(s, i, table, all, scales));
  const end = s + PRODUCTS + all * 4;
  const factor = f32x4.splat(inverseScale(largest, limit));
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  let pairs = s + PAIRS + i * 16;
  for (let from = s + PRODUCTS; from < end; from += 32, pairs += 256) {
    spread(round8(from, factor, magic, bits), pairs);
  }
  store<f32>(s + INFO + i * 16, forwardScale(largest, limit), 12);
}
