/**
 * y[r, o] = Σ_k w[o, k]·x[r, k] over chunks of 8-row groups: gemv for one row, unpack once and pair tiles for more.
 * A last group of fewer than 8 rows goes through scratch, so nothing is written past a row's end.
 */
import { A16_PAIR_BYTES, A8_PAIR_BYTES, UNPACK_BYTES } from "./layout";
import { KIND_BF16, KIND_F16, KIND_F32, KIND_Q2_K, KIND_Q3_K, KIND_Q4_0, KIND_Q4_1, KIND_Q4_K } from "./layout";
import { KIND_Q5_0, KIND_Q5_1, KIND_Q5_K, KIND_Q6_K, KIND_Q8_0 } from "./layout";
import { argument } from "./math";
import { gemvBrain, gemvFloat, gemvHalf, unpackHalf } from "./matmul-float";
import { K16_UNPACKED_BYTES, tileQ2K, tileQ3K, tileQ6K, unpackK16 } from "./matmul-k16-tile";
import { tileQ40, tileQ41, tileQ50, tileQ51, UNPACKED_BYTES, unpackQ40, unpackQ41 } from "./matmul-q4-tile";
import { tileQ80, UNPACKED_Q8_BYTES, unpackQ80 } from "./matmul-q8-tile";
import { oneRow } from "./matmul-row";
import { groupBlockBytes } from "./kinds";
import { unpackK32 } from "./unpack-k32";

function isFloat(kind: i32): bool {
  return kind == KIND_F32 || kind == KIND_F16 || kind == KIND_BF16;
}

/** Kinds with a scale for 16 columns. */
// @ts-ignore: decorator
@inline
function isOf16(kind: i32): bool {
  return kind == KIND_Q6_K || kind == KIND_Q3_K || kind == KIND_Q2_K;
}

/** `runs` groups, `distance` bytes apart, one after the other at `scratch`. */
function unpackGroups(kind: i32, w: usize, distance: usize, runs: usize, scratch: usize, blocks: usize): void {
  if (kind == KIND_Q4_0) unpackQ40(w, distance, runs, scratch, blocks);
  else if (kind == KIND_Q4_1) unpackQ41(w, distance, runs, scratch, blocks);
  else if (kind == KIND_Q8_0) unpackQ80(w, distance, runs, scratch, blocks);
  else if (isOf16(kind)) unpackK16(kind, w, distance, runs, scratch, blocks);
  else unpackK32(kind, w, distance, runs, scratch, blocks);
}

/** Two rows of a8 activations times an unpacked group. */
function tile(kind: i32, s: usize, x: usize, blocks: usize, sums: usize, y0: usize, y1: usize, isAdding: bool): void {
  if (kind == KIND_Q4_0) tileQ40(s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q4_1 || kind == KIND_Q4_K) tileQ41(kind == KIND_Q4_K, s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q5_0) tileQ50(s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q5_1 || kind == KIND_Q5_K) tileQ51(kind == KIND_Q5_K, s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q6_K) tileQ6K(s, x, blocks, sums, y0, y1, isAdding);
  else if (kind == KIND_Q3_K) tileQ3K(s, x, blocks, sums, y0, y1, isAdding);
  else tileQ2K(s, x, blocks, sums, y0, y1, isAdding);
}

/** Bytes of an unpacked block. */
// @ts-ignore: decorator
@inline
function unpackedBytes(kind: i32): usize {
  return kind == KIND_Q8_0 ? UNPACKED_Q8_BYTES : isOf16(kind) ? K16_UNPACKED_BYTES : UNPACKED_BYTES;
}

/** One group of floats times all rows; `stride` in bytes between rows of y. */
function floatRows(
  kind: i32, w: usize, x: usize, rows: usize, y: usize, stride: usize, blocks: usize, isAdding: bool, scratch: usize,
): void {
  if (kind == KIND_F16 && rows == 1) return gemvHalf(w, x, y, blocks << 5, isAdding);
  if (kind == KIND_BF16 && rows == 1) return gemvBrain(w, x, y, blocks << 5, isAdding);
  if (kind != KIND_F32) unpackHalf(kind == KIND_BF16, w, scratch, blocks << 5);
  const from = kind == KIND_F32 ? w : scratch;
  for (let row: usize = 0; row < rows; row++) {
    gemvFloat(from, x + row * (blocks << 7), y + row * stride, blocks << 5, isAdding);
  }
}

/** Where sums of a tile are, after the unpacked groups. */
const SUMS: usize = UNPACK_BYTES - 64;

/** `runs` groups, `apart` groups from each other, times all rows in pairs; `stride` in bytes between rows of y. */
function manyRows(
  kind: i32, w: usize, x: usize, rows: usize, y: usize, stride: usize, blocks: usize, isAdding: bool, scratch: usize,
  runs: usize, apart: usize,
): void {
  const isQ8 = kind == KIND_Q8_0;
  const distance = apart * blocks * groupBlockBytes(kind);
  unpackGroups(kind, w, distance, runs, scratch, blocks);
  const bytes = blocks * unpackedBytes(kind);
  const end = scratch + bytes * runs;
  const tileBytes = blocks * (isQ8 ? A16_PAIR_BYTES : A8_PAIR_BYTES);
  for (let row: usize = 0; row < rows; row += 2) {
    let to = y;
    let scales = w + 256;
    for (let s = scratch; s < end; s += bytes, scales += distance, to += apart * 32) {
      const y1 = row + 1 < rows ? to + stride : 0;
      if (isQ8) tileQ80(s, scales, x, blocks, to, y1, isAdding);
      else tile(kind, s, x, blocks, scratch + SUMS, to, y1, isAdding);
    }
    x += tileBytes;
    y += stride * 2;
  }
}

/**
 * Runs of groups that are unpacked in turn, if the unpacked groups have room: they come from memory faster than one run,
 * and each pair of rows meets them all while it is near. Of 1, 2, 4 and 8 runs four were fastest with 16 rows.
 */
const TILE_RUNS: usize = 4;

/** `groups` neighbouring groups from `w` on times all rows, in runs. */
function allGroups(
  kind: i32, w: usize, x: usize, rows: usize, y: usize, stride: usize, groups: usize, blocks: usize, isAdding: bool,
  scratch: usize,
): void {
  const bytes = groupBlockBytes(kind) * blocks;
  const room = SUMS / (blocks * unpackedBytes(kind));
  const runs = min(min(TILE_RUNS, room), groups);
  const each = groups / runs;
  for (let group: usize = 0; group < each; group++) {
    manyRows(kind, w + group * bytes, x, rows, y + group * 32, stride, blocks, isAdding, scratch, runs, each);
  }
  const done = each * runs;
  if (done == groups) return;
  manyRows(kind, w + done * bytes, x, rows, y + done * 32, stride, blocks, isAdding, scratch, groups - done, 1);
}

/** Adds or copies the `count` < 8 results of every row from scratch to y. */
function putPartial(from: usize, y: usize, stride: usize, rows: usize, count: usize, isAdding: bool): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let at: usize = 0; at < count << 2; at += 4) {
      const value = load<f32>(from + row * 32 + at);
      const to = y + row * stride + at;
      store<f32>(to, isAdding ? load<f32>(to) + value : value);
    }
  }
}

/** Arguments: kind, weight, x, rows, y, y stride in bytes, accumulate, output rows, blocks, groups a chunk. */
export function matmulChunk(chunk: usize, scratch: usize): void {
  const kind = <i32>argument(0);
  const x = argument(2);
  const rows = argument(3);
  const stride = argument(5);
  const isAdding = argument(6) != 0;
  const outputs = argument(7);
  const blocks = argument(8);
  const from = chunk * argument(9);
  const full = outputs >> 3;
  const to = min(from + argument(9), (outputs + 7) >> 3);
  const wholeEnd = min(to, full);
  const bytes = groupBlockBytes(kind) * blocks;
  const weight = argument(1);
  const y = argument(4);
  const isGemv = rows == 1 && !isFloat(kind);
  if (isGemv) {
    if (wholeEnd > from) {
      oneRow(kind, weight + from * bytes, x, y + from * 32, wholeEnd - from, blocks, isAdding, scratch);
    }
  } else {
    if (isFloat(kind)) {
      for (let group = from; group < wholeEnd; group++) {
        floatRows(kind, weight + group * bytes, x, rows, y + group * 32, stride, blocks, isAdding, scratch);
      }
    } else if (wholeEnd > from) {
      allGroups(kind, weight + from * bytes, x, rows, y + from * 32, stride, wholeEnd - from, blocks, isAdding, scratch);
    }
  }
  if (to == wholeEnd) return;
  const partial = scratch + UNPACK_BYTES;
  if (isGemv) oneRow(kind, weight + full * bytes, x, partial, 1, blocks, false, scratch);
  else if (isFloat(kind)) floatRows(kind, weight + full * bytes, x, rows, partial, 32, blocks, false, scratch);
  else manyRows(kind, weight + full * bytes, x, rows, partial, 32, blocks, false, scratch, 1, 0);
  putPartial(partial, y + full * 32, stride, rows, outputs & 7, isAdding);
}
