/**
 * A row's way into its KV page (kv-record.ts): bias, per-head RMS norm of q and k, rotary positions, quantization.
 * Queries: per head and block an a16 block (80 bytes), its scale times the factor on the scores.
 * The rope table holds per position cos[rotary/2], then sin[rotary/2]; dims from `rotary` on stay as they are.
 */
import { halfRecordBytes, storeBlock } from "./kv-record";
import { MEET16_LIMIT, MEET8_LIMIT, QUERY_BYTES } from "./layout";
import { argument, constant, C_SIGN, floatArgument } from "./math";
import { addRow, normRow } from "./norm";
import { quantize16 } from "./quantize";

/** Each of the first two lanes twice. */
// @ts-ignore: decorator
@inline
function twice(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7);
}

/** Pairs (2i, 2i+1) rotate together, two pairs at a time: (a, b)·(c, c) + (b, a)·(-s, s) has the bits of a·c - b·s, b·c + a·s. */
function rotateInterleaved(src: usize, table: usize, half: usize, out: usize): void {
  const signs = v128.and(constant(C_SIGN), i32x4(-1, 0, -1, 0));
  const end = table + half * 4;
  for (let at = table; at < end; at += 8, src += 16, out += 16) {
    const c = twice(v128.load64_zero(at));
    const s = v128.xor(twice(v128.load64_zero(at + half * 4)), signs);
    const pairs = v128.load(src);
    const swapped = i8x16.shuffle(pairs, pairs, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v128.store(out, f32x4.add(f32x4.mul(pairs, c), f32x4.mul(swapped, s)));
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
          storeBlock(scratch + block * 128, records + block * record, token, true, isWide);
        }
      }
    }
    let values = page + argument(3) * kvHeads * blocks * record + halfRecordBytes(isWide);
    for (let block: usize = 0; block < kvHeads * blocks; block++, src += 128, values += record) {
      storeBlock(prepareHead(src, bias, 0, 128, prepared), values, token, false, isWide);
      if (bias) bias += 128;
    }
  }
}
