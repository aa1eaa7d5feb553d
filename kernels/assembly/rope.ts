/**
 * A row's way into its KV page: bias, per-head RMS norm of q and k, rotary positions, quantization. A page is 32 tokens of all layers; per layer, kv head and block
 * of 32 dims one record (w = 1 byte for int8, 2 for int16), records in the order [layer][kv head][block]:
 *
 *   keys    [8 token quads][16 dim pairs][4 tokens][2 dims]   1024·w     then f32 scale of each token   128
 *   values  [4 dim octets][16 token pairs][8 dims][2 tokens]  1024·w     then f32 scale of each token   128
 *
 * so that one 8·w-byte load meets one broadcast pair of the query (4 tokens) or of the probabilities (4 dims).
 * Queries: per head and block an a16 block (80 bytes), its scale times the factor on the scores.
 * The rope table holds per position cos[rotary/2], then sin[rotary/2]; dims from `rotary` on stay as they are.
 */
import { KV16_LIMIT, KV8_LIMIT, MEET16_LIMIT, MEET8_LIMIT, QUERY_BYTES } from "./layout";
import { argument, constant, C_MAGIC, C_MAGIC_BITS, floatArgument } from "./math";
import { addRow, normRow } from "./norm";
import { forwardScale, inverseScale, largest32, quantize16, round8 } from "./quantize";

/** Pairs (2i, 2i+1) rotate together. */
function rotateInterleaved(src: usize, table: usize, half: usize, out: usize): void {
  const sin = table + half * 4;
  for (let i: usize = 0; i < half; i++) {
    const c = load<f32>(table + i * 4);
    const s = load<f32>(sin + i * 4);
    const a = load<f32>(src + i * 8);
    const b = load<f32>(src + i * 8, 4);
    store<f32>(out + i * 8, a * c - b * s);
    store<f32>(out + i * 8, b * c + a * s, 4);
  }
}

/** Pairs (i, i + rotary/2) rotate together. */
function rotateHalves(src: usize, table: usize, half: usize, out: usize): void {
  const bytes = half * 4;
  for (let at: usize = 0; at < bytes; at += 16) {
    const c = v128.load(table + at);
    const s = v128.load(table + bytes + at);
    const a = v128.load(src + at);
    const b = v128.load(src + bytes + at);
    v128.store(out + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(out + bytes + at, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
}

/** 32 floats to 32 i16 at `out`; returns the scale. */
function quantizeKv(src: usize, out: usize, limit: f32): f32 {
  const m = largest32(src);
  const factor = f32x4.splat(inverseScale(m, limit));
  const magic = constant(C_MAGIC);
  const bits = constant(C_MAGIC_BITS);
  for (let i: usize = 0; i < 4; i++) v128.store(out + i * 16, round8(src + i * 32, factor, magic, bits));
  return forwardScale(m, limit);
}

function storeKey(src: usize, record: usize, token: usize, isWide: bool, temp: usize): void {
  const scale = quantizeKv(src, temp, <f32>(isWide ? KV16_LIMIT : KV8_LIMIT));
  const w: usize = isWide ? 2 : 1;
  let to = record + (token >> 2) * 128 * w + (token & 3) * 2 * w;
  for (let p: usize = 0; p < 16; p++, to += 8 * w) {
    if (isWide) {
      store<u32>(to, load<u32>(temp + p * 4));
    } else {
      store<i8>(to, load<i8>(temp + p * 4));
      store<i8>(to, load<i8>(temp + p * 4, 2), 1);
    }
  }
  store<f32>(record + 1024 * w + token * 4, scale);
}

function storeValue(src: usize, record: usize, token: usize, isWide: bool, temp: usize): void {
  const scale = quantizeKv(src, temp, <f32>(isWide ? KV16_LIMIT : KV8_LIMIT));
  const w: usize = isWide ? 2 : 1;
  const to = record + ((token >> 1) * 16 + (token & 1)) * w;
  for (let d: usize = 0; d < 32; d++) {
    const at = to + ((d >> 3) * 256 + (d & 7) * 2) * w;
    if (isWide) store<i16>(at, load<i16>(temp + d * 2));
    else store<i8>(at, load<i8>(temp + d * 2));
  }
  store<f32>(record + 1024 * w + token * 4, scale);
}

/** Bytes of keys and scales (or values and scales) of one record. */
// @ts-ignore: decorator
@inline
export function halfRecordBytes(isWide: bool): usize {
  return isWide ? 2176 : 1152;
}

/** A head plus its bias, normed; each if there is one. Answers where the result is: `src` itself or `out`. */
function prepareHead(src: usize, bias: usize, norm: usize, bytes: usize, out: usize): usize {
  if (!bias && !norm) return src;
  if (bias) {
    memory.copy(out, src, bytes);
    addRow(out, bias, bytes);
    src = out;
  }
  if (norm) normRow(src, norm, floatArgument(18), bytes, out);
  return out;
}

/** Rotates the first `rotary` dims of a head of `bytes` bytes. */
function rotateHead(src: usize, table: usize, rotary: usize, bytes: usize, out: usize): void {
  if (argument(9)) rotateInterleaved(src, table, rotary >> 1, out);
  else rotateHalves(src, table, rotary >> 1, out);
  const turned = rotary * 4;
  if (turned < bytes) memory.copy(out + turned, src + turned, bytes - turned);
}

/**
 * Arguments: qkv, positions, pageTables, layer, kvHeads, headDim, isWide, heads, ropeTable, interleaved, query,
 * factor on the scores, rows, rows a chunk, rotary, bias, queryNorm, keyNorm, eps. `scratch` holds 4 KiB.
 */
export function ropeStoreChunk(chunk: usize, scratch: usize): void {
  const kvHeads = argument(4);
  const headDim = argument(5);
  const isWide = argument(6) != 0;
  const heads = argument(7);
  const bytes = headDim * 4;
  const rotary = argument(14);
  const blocks = headDim >> 5;
  const record = halfRecordBytes(isWide) * 2;
  const temp = scratch + 1024;
  const prepared = scratch + 2048;
  const limit = <f32>(isWide ? MEET16_LIMIT : MEET8_LIMIT);
  const from = chunk * argument(13);
  const to = min(from + argument(13), argument(12));
  for (let row = from; row < to; row++) {
    const position = <usize>load<u32>(argument(1) + row * 4);
    const table = argument(8) + position * rotary * 4;
    const pages = <usize>load<u32>(argument(2) + row * 4);
    const page = <usize>load<u32>(pages + (position >> 5) * 4);
    const token = position & 31;
    let src = argument(0) + row * (heads + 2 * kvHeads) * headDim * 4;
    let query = argument(10) + row * heads * blocks * QUERY_BYTES;
    let bias = argument(15);
    const biasStep = bias ? bytes : 0;
    for (let head: usize = 0; head < heads + kvHeads; head++, src += bytes, bias += biasStep) {
      const norm = head < heads ? argument(16) : argument(17);
      rotateHead(prepareHead(src, bias, norm, bytes, prepared), table, rotary, bytes, scratch);
      const records = page + (argument(3) * kvHeads + head - heads) * blocks * record;
      for (let block: usize = 0; block < blocks; block++) {
        if (head < heads) {
          quantize16(scratch + block * 128, query, limit, floatArgument(11));
          query += QUERY_BYTES;
        } else {
          storeKey(scratch + block * 128, records + block * record, token, isWide, temp);
        }
      }
    }
    let values = page + argument(3) * kvHeads * blocks * record + halfRecordBytes(isWide);
    for (let block: usize = 0; block < kvHeads * blocks; block++, src += 128, values += record) {
      storeValue(prepareHead(src, bias, 0, 128, prepared), values, token, isWide, temp);
      if (bias) bias += 128;
    }
  }
}
