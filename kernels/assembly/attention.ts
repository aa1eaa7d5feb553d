/**
 * Attention: the work items, and the merge of their partial results.
 * Work item = (unit, kv head, 32 of the unit's rows); a unit is one absolute segment of 256 positions of one page table.
 * A row at position p sees tokens 0 … p, or with a window the last `window` of these; segments and pages that nobody
 * sees are skipped. Query vectors (row x head of the group) go four at a time through attention-tile.ts. The merge
 * joins the partials (m, l, o) of the segments a row sees, ascending: M = max m, out = Σ o·2^(m-M) / Σ l·2^(m-M).
 */
import { halfRecordBytes } from "./kv-record";
import { ITEM_ROWS, PARTIAL_HEAD_BYTES, QUERY_BYTES, UNIT_BYTES } from "./layout";
import { attendTile, CHECKSUM } from "./attention-tile";
import { INFO } from "./attention-weigh";
import { exp2, EXP2_TOP } from "./exp2";
import { argument } from "./math";

/**
 * Loads one number of each cache line of the segment's records, all at once: pages lie far apart, so that the
 * computation would otherwise wait for each of them. Four pages in turn, for a processor fetches ahead in several runs
 * of addresses at a time. `bytes` from `offset` on in each page; returns a checksum so that the loads have a use.
 */
function touch(table: usize, pages: usize, offset: usize, bytes: usize): u32 {
  let sum: u32 = 0;
  const last = table + pages * 4;
  for (; table + 16 <= last; table += 16) {
    let a = <usize>load<u32>(table) + offset;
    let b = <usize>load<u32>(table, 4) + offset;
    let c = <usize>load<u32>(table, 8) + offset;
    let d = <usize>load<u32>(table, 12) + offset;
    const end = a + bytes;
    for (; a < end; a += 64, b += 64, c += 64, d += 64) {
      sum ^= load<u32>(a) ^ load<u32>(b) ^ (load<u32>(c) ^ load<u32>(d));
    }
  }
  for (; table < last; table += 4) {
    let at = <usize>load<u32>(table) + offset;
    const end = at + bytes;
    for (; at < end; at += 64) sum ^= load<u32>(at);
  }
  return sum;
}

/**
 * Arguments: query, units, items, positions, layer, kvHeads, headDim, isWide, heads, maxSegments, partials,
 * row blocks of a unit, items a chunk, window (0 = none).
 */
export function attentionChunk(chunk: usize, s: usize): void {
  const from = chunk * argument(12);
  const to = min(from + argument(12), argument(2));
  for (let item = from; item < to; item++) attendItem(item, s);
}

/** One past the last token of the segment that row `row` sees; 0 when it sees none. */
function tokensOf(row: usize, segment: usize): usize {
  const seen = <i32>load<u32>(argument(3) + row * 4) + 1 - <i32>segment * 256;
  const isPast = argument(13) != 0 && seen - <i32>argument(13) >= 256;
  return isPast ? 0 : <usize>min(256, max(0, seen));
}

/** The first token of the segment that row `row` sees, if it sees any. */
function firstOf(row: usize, segment: usize): usize {
  if (argument(13) == 0) return 0;
  const seen = <i32>load<u32>(argument(3) + row * 4) + 1 - <i32>segment * 256;
  return <usize>max(0, seen - <i32>argument(13));
}

function attendItem(item: usize, s: usize): void {
  const kvHeads = argument(5);
  const headDim = argument(6);
  const heads = argument(8);
  const isWide = argument(7) != 0;
  const blocks = headDim >> 5;
  const group = heads / kvHeads;
  const rowBlock = item % argument(11);
  const kvHead = (item / argument(11)) % kvHeads;
  const unit = argument(1) + (item / (argument(11) * kvHeads)) * UNIT_BYTES;
  const segment = <usize>load<u32>(unit);
  const rows = <usize>load<u32>(unit, 8);
  const firstRow = rowBlock * ITEM_ROWS;
  const endRow = min(firstRow + ITEM_ROWS, <usize>load<u32>(unit, 12));
  const offset = (argument(4) * kvHeads + kvHead) * blocks * halfRecordBytes(isWide) * 2;
  const partialBytes = PARTIAL_HEAD_BYTES + headDim * 4;
  if (firstRow >= endRow) return;
  let all: usize = 0;
  let skipped: usize = 256;
  for (let i = firstRow; i < endRow; i++) {
    const tokens = tokensOf(load<u32>(rows + i * 4), segment);
    if (tokens) skipped = min(skipped, firstOf(load<u32>(rows + i * 4), segment) & ~31);
    all = max(all, tokens);
  }
  if (all == 0) return;
  const table = <usize>load<u32>(unit, 4) + segment * 32 + (skipped >> 3);
  const checksum = touch(table, (all - skipped + 31) >> 5, offset, blocks * halfRecordBytes(isWide) * 2);
  store<u32>(s + CHECKSUM, checksum);
  const total = (endRow - firstRow) * group;
  for (let first: usize = 0; first < total; first += 4) {
    const count = min<usize>(4, total - first);
    let longest: usize = 0;
    for (let i: usize = 0; i < count; i++) {
      const row = <usize>load<u32>(rows + (firstRow + (first + i) / group) * 4);
      const head = kvHead * group + ((first + i) % group);
      const seen = tokensOf(row, segment);
      const tokens = seen ? seen - skipped : 0;
      const from = seen ? firstOf(row, segment) - skipped : 0;
      const partial = argument(10) + ((row * argument(9) + segment) * heads + head) * partialBytes;
      longest = max(longest, tokens);
      store<u32>(s + INFO + i * 16, argument(0) + (row * heads + head) * blocks * QUERY_BYTES);
      store<u32>(s + INFO + i * 16, tokens | (from << 16), 4);
      store<u32>(s + INFO + i * 16, partial, 8);
    }
    if (isWide) attendTile<i16>(s, <i32>count, table, longest, offset, blocks);
    else attendTile<i8>(s, <i32>count, table, longest, offset, blocks);
  }
}

/** Arguments: partials, positions, rows, heads, headDim, maxSegments, out, rows a chunk, window. */
export function mergeChunk(chunk: usize): void {
  const heads = argument(3);
  const bytes = argument(4) * 4;
  const partialBytes = bytes + PARTIAL_HEAD_BYTES;
  const from = chunk * argument(7);
  const to = min(from + argument(7), argument(2));
  for (let row = from; row < to; row++) {
    const seen = load<i32>(argument(1) + row * 4) + 1;
    const from = argument(8) ? <usize>max(0, seen - <i32>argument(8)) >> 8 : 0;
    const segments = min<usize>(((seen - 1) >> 8) + 1, argument(5)) - from;
    for (let head: usize = 0; head < heads; head++) {
      const first = argument(0) + ((row * argument(5) + from) * heads + head) * partialBytes;
      merge(first, segments, heads * partialBytes, argument(6) + (row * heads + head) * bytes, bytes);
    }
  }
}

function merge(first: usize, segments: usize, step: usize, out: usize, bytes: usize): void {
  const end = first + segments * step;
  let m = load<f32>(first);
  for (let at = first + step; at < end; at += step) m = max(m, load<f32>(at));
  let l: f32 = 0;
  for (let at = first; at < end; at += step) {
    const w = exp2(f32x4.splat(load<f32>(at) - m + EXP2_TOP));
    const weight = f32x4.extract_lane(w, 0);
    const o = at + PARTIAL_HEAD_BYTES;
    l += load<f32>(at, 4) * weight;
    for (let d: usize = 0; d < bytes; d += 16) {
      const add = f32x4.mul(v128.load(o + d), w);
      v128.store(out + d, at == first ? add : f32x4.add(v128.load(out + d), add));
    }
  }
  const inverse = f32x4.splat(<f32>1 / l);
  for (let d: usize = 0; d < bytes; d += 16) v128.store(out + d, f32x4.mul(v128.load(out + d), inverse));
}
