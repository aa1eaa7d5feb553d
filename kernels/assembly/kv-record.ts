/**
 * A KV page is 32 tokens of all layers; per layer, kv head and block of 32 dims one record (w = 1 byte for int8, 2 for
 * int16), records in the order [layer][kv head][block]:
 *
 *   keys    [8 token quads][16 dim pairs][4 tokens][2 dims]   1024·w     then f32 scale of each token   128
 *   values  [4 dim octets][16 token pairs][8 dims][2 tokens]  1024·w     then f32 scale of each token   128
 *
 * so that one 8·w-byte load meets one broadcast pair of the query (4 tokens) or of the probabilities (4 dims). A token's
 * numbers go to their places lane by lane, straight from the vectors.
 */
import { KV16_LIMIT, KV8_LIMIT } from "./layout";
import { constant, C_MAGIC, C_MAGIC_BITS } from "./math";
import { forwardScale, inverseScale, largest32, round8 } from "./quantize";

/** Bytes of keys and scales (or values and scales) of one record. */
// @ts-ignore: decorator
@inline
export function halfRecordBytes(isWide: bool): usize {
  return isWide ? 2176 : 1152;
}

/** 16 dims of a key, int8: a pair a step of 8 bytes. */
function putKeys8(v: v128, to: usize): void {
  v128.store16_lane(to, v, 0);
  v128.store16_lane(to, v, 1, 8);
  v128.store16_lane(to, v, 2, 16);
  v128.store16_lane(to, v, 3, 24);
  v128.store16_lane(to, v, 4, 32);
  v128.store16_lane(to, v, 5, 40);
  v128.store16_lane(to, v, 6, 48);
  v128.store16_lane(to, v, 7, 56);
}

/** 8 dims of a key, int16: a pair a step of 16 bytes. */
function putKeys16(v: v128, to: usize): void {
  v128.store32_lane(to, v, 0);
  v128.store32_lane(to, v, 1, 16);
  v128.store32_lane(to, v, 2, 32);
  v128.store32_lane(to, v, 3, 48);
}

/** 16 dims of a value, int8: two octets. */
function putValues8(v: v128, to: usize): void {
  v128.store8_lane(to, v, 0);
  v128.store8_lane(to, v, 1, 2);
  v128.store8_lane(to, v, 2, 4);
  v128.store8_lane(to, v, 3, 6);
  v128.store8_lane(to, v, 4, 8);
  v128.store8_lane(to, v, 5, 10);
  v128.store8_lane(to, v, 6, 12);
  v128.store8_lane(to, v, 7, 14);
  v128.store8_lane(to, v, 8, 256);
  v128.store8_lane(to, v, 9, 258);
  v128.store8_lane(to, v, 10, 260);
  v128.store8_lane(to, v, 11, 262);
  v128.store8_lane(to, v, 12, 264);
  v128.store8_lane(to, v, 13, 266);
  v128.store8_lane(to, v, 14, 268);
  v128.store8_lane(to, v, 15, 270);
}

/** 8 dims of a value, int16: an octet. */
function putValues16(v: v128, to: usize): void {
  v128.store16_lane(to, v, 0);
  v128.store16_lane(to, v, 1, 4);
  v128.store16_lane(to, v, 2, 8);
  v128.store16_lane(to, v, 3, 12);
  v128.store16_lane(to, v, 4, 16);
  v128.store16_lane(to, v, 5, 20);
  v128.store16_lane(to, v, 6, 24);
  v128.store16_lane(to, v, 7, 28);
}

/** 32 floats of a token's key or value into its record (`record`: of the keys, or of the values). */
export function storeBlock(src: usize, record: usize, token: usize, isKey: bool, isWide: bool): void {
  const m = largest32(src);
  const limit = <f32>(isWide ? KV16_LIMIT : KV8_LIMIT);
  const factor = f32x4.splat(inverseScale(m, limit));
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  const a = round8(src, factor, magic, bits);
  const b = round8(src + 32, factor, magic, bits);
  const c = round8(src + 64, factor, magic, bits);
  const d = round8(src + 96, factor, magic, bits);
  const w: usize = isWide ? 2 : 1;
  store<f32>(record + 1024 * w + token * 4, forwardScale(m, limit));
  const to = record + (isKey ? (token >> 2) * 128 + (token & 3) * 2 : (token >> 1) * 16 + (token & 1)) * w;
  if (isWide && isKey) {
    putKeys16(a, to);
    putKeys16(b, to + 64);
    putKeys16(c, to + 128);
    putKeys16(d, to + 192);
  } else if (isWide) {
    putValues16(a, to);
    putValues16(b, to + 512);
    putValues16(c, to + 1024);
    putValues16(d, to + 1536);
  } else if (isKey) {
    putKeys8(i8x16.narrow_i16x8_s(a, b), to);
    putKeys8(i8x16.narrow_i16x8_s(c, d), to + 64);
  } else {
    putValues8(i8x16.narrow_i16x8_s(a, b), to);
    putValues8(i8x16.narrow_i16x8_s(c, d), to + 512);
  }
}
