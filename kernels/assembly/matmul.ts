/**
 * y[r, o] = Σ_k w[o, k]·x[r, k] over chunks of 8-row groups: gemv for one row, unpack once and pair tiles for more.
 * A last group of fewer than 8 rows goes through scratch, so nothing is written past a row's end.
 */
import { A16_PAIR_BYTES, A8_PAIR_BYTES, UNPACK_BYTES } from "./layout";
import { KIND_BF16, KIND_F16, KIND_F32, KIND_Q2_K, KIND_Q3_K, KIND_Q4_0, KIND_Q4_1, KIND_Q4_K } from "./layout";
import { KIND_Q5_0, KIND_Q5_1, KIND_Q5_K, KIND_Q6_K, KIND_Q8_0 } from "./layout";
import { argument } from "./math";
import { gemvBrain, gemvFloat, gemvHalf, unpackHalf } from "./matmul-float";
import { tileQ2K, tileQ3K, tileQ6K, unpackK16 } from "./matmul-k16-tile";
import { tileQ40, tileQ41, tileQ50, tileQ51, unpackQ4 } from "./matmul-q4-tile";
import { tileQ80, unpackQ80 } from "./matmul-q8";
import { oneRow } from "./matmul-row";
import { groupBlockBytes } from "./kinds";
import { unpackK32 } from "./unpack-k32";

function isFloat(kind: i32): bool {
  return kind == KIND_F32 || kind == KIND_F16 || kind == KIND_BF16;
}

function unpackGroup(kind: i32, w: usize, scratch: usize, blocks: usize): void {
  if (kind == KIND_Q4_0) unpackQ4(false, w, scratch, blocks);
  else if (kind == KIND_Q4_1) unpackQ4(true, w, scratch, blocks);
  else if (kind == KIND_F16) unpackHalf(false, w, scratch, blocks << 5);
  else if (kind == KIND_BF16) unpackHalf(true, w, scratch, blocks << 5);
  else if (kind == KIND_Q8_0) unpackQ80(w, scratch, blocks);
  else if (kind == KIND_Q6_K || kind == KIND_Q3_K || kind == KIND_Q2_K) unpackK16(kind, w, scratch, blocks);
  else unpackK32(kind, w, scratch, blocks);
}

/** Two rows of a8 activations times an unpacked group. */
function tile(kind: i32, s: usize, x: usize, blocks: usize, y0: usize, y1: usize, isAdding: bool): void {
  if (kind == KIND_Q4_0) tileQ40(s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q4_1 || kind == KIND_Q4_K) tileQ41(kind == KIND_Q4_K, s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q5_0) tileQ50(s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q5_1 || kind == KIND_Q5_K) tileQ51(kind == KIND_Q5_K, s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q6_K) tileQ6K(s, x, blocks, y0, y1, isAdding);
  else if (kind == KIND_Q3_K) tileQ3K(s, x, blocks, y0, y1, isAdding);
  else tileQ2K(s, x, blocks, y0, y1, isAdding);
}

/** One group times all rows; `stride` in bytes between rows of y. */
function manyRows(
  kind: i32,
  w: usize,
  x: usize,
  rows: usize,
  y: usize,
  stride: usize,
  blocks: usize,
  isAdding: bool,
  scratch: usize,
): void {
  if (kind == KIND_F16 && rows == 1) return gemvHalf(w, x, y, blocks << 5, isAdding);
  if (kind == KIND_BF16 && rows == 1) return gemvBrain(w, x, y, blocks << 5, isAdding);
  if (kind != KIND_F32) unpackGroup(kind, w, scratch, blocks);
  if (isFloat(kind)) {
    const from = kind == KIND_F32 ? w : scratch;
    for (let row: usize = 0; row < rows; row++) {
      gemvFloat(from, x + row * (blocks << 7), y + row * stride, blocks << 5, isAdding);
    }
    return;
  }
  const tileBytes = blocks * (kind == KIND_Q8_0 ? A16_PAIR_BYTES : A8_PAIR_BYTES);
  for (let row: usize = 0; row < rows; row += 2) {
    const y1 = row + 1 < rows ? y + stride : 0;
    if (kind == KIND_Q8_0) tileQ80(scratch, w + 256, x, blocks, y, y1, isAdding);
    else tile(kind, scratch, x, blocks, y, y1, isAdding);
    x += tileBytes;
    y += stride * 2;
  }
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
    for (let group = from; group < wholeEnd; group++) {
      manyRows(kind, weight + group * bytes, x, rows, y + group * 32, stride, blocks, isAdding, scratch);
    }
  }
  if (to == wholeEnd) return;
  const partial = scratch + UNPACK_BYTES;
  if (isGemv) oneRow(kind, weight + full * bytes, x, partial, 1, blocks, false, scratch);
  else manyRows(kind, weight + full * bytes, x, rows, partial, 32, blocks, false, scratch);
  putPartial(partial, y + full * 32, stride, rows, outputs & 7, isAdding);
}
