/**
 * Up to four query vectors through one absolute segment of 256 positions of quantized KV pages:
 *
 *   scores  s[t] = Σ_blocks i32(q·k)·(kscale·qscale)      f32, blocks ascending; queries carry the factor log2 e
 *   softmax m = max s, p = 2^(s-m), l = Σ p                over the tokens the row sees; all others are masked to 0
 *   values  o[d] = Σ i32(p'·v), int16 page by page, p' = p·vscale quantized to i16 by its largest, per block of 32 dims
 *
 * A partial is {f32 m, f32 l, 8 bytes unused, f32 o[headDim]} at [row][segment][head]. Masked tokens add exactly 0, so
 * a row's bits do not depend on its neighbours.
 */
import { halfRecordBytes } from "./kv-record";
import { MEET16_LIMIT, MEET8_LIMIT, PARTIAL_HEAD_BYTES, QUERY_BYTES } from "./layout";
import { addValues, scoreKeys } from "./attention-dot";
import { INFO, PAIRS, SCORES, spread, weigh } from "./attention-weigh";
import { exp2, EXP2_TOP, powers } from "./exp2";
import { constant, C_LANES, C_MINUS_HUGE, maxLanes, sumLanes } from "./math";

// Scratch of one tile, beside what attention-weigh.ts knows.
/** Where attention.ts keeps a checksum. */
export const CHECKSUM: usize = 32768;
const SCALES: usize = 192; // f32x4 [8 blocks][4]: query scales
const OUT: usize = 1024; // f32 [4][4][8]
const QUERIES: usize = 8192; // broadcast pairs [8 blocks][16][4]

/** Query of vector i as broadcast pairs beside those of the other vectors. */
function spreadQuery(s: usize, i: usize, blocks: usize): void {
  let from = <usize>load<u32>(s + INFO + i * 16);
  let to = s + QUERIES + i * 16;
  for (let block: usize = 0; block < blocks; block++, from += QUERY_BYTES, to += 1024) {
    spread(v128.load(from), to);
    spread(v128.load(from, 16), to + 256);
    spread(v128.load(from, 32), to + 512);
    spread(v128.load(from, 48), to + 768);
    v128.store(s + SCALES + block * 64 + i * 16, v128.load(from, 64));
  }
}

/** Scores of `tokens` tokens, a multiple of 8; `keys` = offset of the first record inside a page. */
function scoreTokens<T>(s: usize, count: i32, table: usize, tokens: usize, keys: usize, blocks: usize): void {
  const record = halfRecordBytes(sizeof<T>() == 2) * 2;
  for (let block: usize = 0; block < blocks; block++, keys += record) {
    const pairs = s + QUERIES + block * 1024;
    scoreKeys<T>(count, table, tokens, keys, pairs, s + SCALES + block * 64, s + SCORES, block == 0);
  }
}

/** Tokens before the first that vector i sees get no weight. */
function maskBefore(s: usize, i: usize, first: usize): void {
  const from = s + SCORES + i * 1024;
  for (let at = from; at < from + first * 4; at += 4) v128.store32_lane(at, constant(C_MINUS_HUGE), 0);
}

/** The largest of the numbers from `at` to `end` and of `least`, by lanes: one maximum would wait for the one before. */
// @ts-ignore: decorator
@inline
function largestOf(at: usize, end: usize, least: v128): v128 {
  let a = least, b = least, c = least, d = least; // prettier-ignore
  for (; at + 64 <= end; at += 64) {
    a = f32x4.pmax(a, v128.load(at));
    b = f32x4.pmax(b, v128.load(at, 16));
    c = f32x4.pmax(c, v128.load(at, 32));
    d = f32x4.pmax(d, v128.load(at, 48));
  }
  for (; at < end; at += 16) a = f32x4.pmax(a, v128.load(at));
  return f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
}

/** Scores of vector i to probabilities; m and l into its partial. Those of tokens it does not see become 0. */
function softmax(s: usize, i: usize, all: usize): void {
  const from = s + SCORES + i * 1024;
  const end = from + all * 4;
  const tokens = <usize>load<u16>(s + INFO + i * 16, 4);
  const seenEnd = from + (tokens & ~3) * 4;
  const partial = <usize>load<u32>(s + INFO + i * 16, 8);
  const isSeen = i32x4.lt_s(constant(C_LANES), i32x4.splat(tokens & 3));
  const huge = constant(C_MINUS_HUGE);
  let m = largestOf(from, seenEnd, huge);
  if (tokens & 3) m = f32x4.pmax(m, v128.bitselect(v128.load(seenEnd), huge, isSeen));
  const largest = maxLanes(m);
  const top = EXP2_TOP - largest;
  const shift = f32x4.splat(top);
  let l = powers(from, seenEnd, shift);
  let at = seenEnd;
  if (tokens & 3) {
    const p = v128.and(exp2(f32x4.add(v128.load(at), shift)), isSeen);
    v128.store(at, p);
    l = f32x4.add(l, p);
    at += 16;
  }
  for (; at < end; at += 16) v128.store(at, f32x4.splat(0));
  // The largest as the sum above has rounded it.
  store<f32>(partial, EXP2_TOP - top);
  store<f32>(partial, sumLanes(l), 4);
}

/** o of one block of 32 dims for all vectors; OUT holds [octet][vector][8] meanwhile. */
function sumValues<T>(s: usize, count: i32, table: usize, tokens: usize, values: usize, at: usize): void {
  const end = s + PAIRS + tokens * 32;
  const each: usize = sizeof<T>() == 1 ? tokens * 32 : 1024;
  for (let i: usize = 0; i < 512; i += 16) v128.store(s + OUT + i, f32x4.splat(0));
  for (let octet: usize = 0; octet < 4; octet++, values += 256 * sizeof<T>()) {
    let pages = table;
    for (let pairs = s + PAIRS; pairs < end; pairs += each, pages += 4) {
      addValues<T>(count, pages, values, pairs, min(pairs + each, end), s + OUT + octet * 128);
    }
  }
  for (let i: usize = 0; i < <usize>count; i++) {
    const scale = f32x4.splat(load<f32>(s + INFO + i * 16, 12));
    let to = <usize>load<u32>(s + INFO + i * 16, 8) + PARTIAL_HEAD_BYTES + at;
    for (let out = s + OUT + i * 32; out < s + OUT + 512; out += 128, to += 32) {
      v128.store(to, f32x4.mul(v128.load(out), scale));
      v128.store(to, f32x4.mul(v128.load(out, 16), scale), 16);
    }
  }
}

/** Up to four vectors whose info is filled. `offset`: records of (layer, kv head) inside a page. */
export function attendTile<T>(
  s: usize,
  count: i32,
  table: usize,
  longest: usize,
  offset: usize,
  blocks: usize,
): void {
  const half = halfRecordBytes(sizeof<T>() == 2);
  const tokens = (longest + 7) & ~7;
  const limit = <f32>(sizeof<T>() == 2 ? MEET16_LIMIT : MEET8_LIMIT);
  for (let i: usize = 0; i < <usize>count; i++) spreadQuery(s, i, blocks);
  scoreTokens<T>(s, count, table, tokens, offset, blocks);
  for (let i: usize = 0; i < <usize>count; i++) {
    const first = <usize>load<u16>(s + INFO + i * 16, 6);
    if (first) maskBefore(s, i, first);
    softmax(s, i, tokens);
  }
  for (let block: usize = 0; block < blocks; block++) {
    const values = offset + block * half * 2 + half;
    for (let i: usize = 0; i < <usize>count; i++) {
      weigh(s, i, table, tokens, values + 1024 * sizeof<T>(), limit);
    }
    sumValues<T>(s, count, table, tokens, values, block * 128);
  }
}
