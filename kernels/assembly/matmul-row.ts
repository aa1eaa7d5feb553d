/**
 * One row of activations times many groups. Weights come from memory once and in order; a processor fetches ahead in
 * each run of addresses by itself, but only so far: several runs at once bring 1.5 times the bytes a second of one.
 */
import { groupBlockBytes } from "./kinds";
import { KIND_Q2_K, KIND_Q3_K, KIND_Q4_0, KIND_Q4_1, KIND_Q4_K, KIND_Q5_0, KIND_Q5_1, KIND_Q5_K } from "./layout";
import { KIND_Q6_K, KIND_Q8_0, STREAMS } from "./layout";
import { gemvQ2K, gemvQ3K } from "./matmul-q23";
import { gemvQ40, gemvQ41 } from "./matmul-q4";
import { gemvQ4K } from "./matmul-q4k";
import { gemvQ50, gemvQ51, gemvQ5K } from "./matmul-q5";
import { gemvQ6K } from "./matmul-q6";
import { gemvQ80 } from "./matmul-q8";

/** Rows of bytes fill memory with fewer runs than rows of nibbles, whose number the caller chooses. */
const BYTE_STREAMS: usize = 4;

/** `streams` runs of `groups` neighbouring groups each, block by block in turn. */
function inStreams(
  kind: i32, w: usize, x: usize, y: usize, streams: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  if (kind == KIND_Q4_0) gemvQ40(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q4_1) gemvQ41(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q8_0) gemvQ80(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q5_0) gemvQ50(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q5_1) gemvQ51(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q6_K) gemvQ6K(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q4_K) gemvQ4K(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q5_K) gemvQ5K(w, x, y, streams, groups, blocks, isAdding, sums);
  else if (kind == KIND_Q3_K) gemvQ3K(w, x, y, streams, groups, blocks, isAdding, sums);
  else gemvQ2K(w, x, y, streams, groups, blocks, isAdding, sums);
}

/** One row of quantized activations; `sums` holds 32 bytes a stream. */
export function oneRow(
  kind: i32, w: usize, x: usize, y: usize, groups: usize, blocks: usize, isAdding: bool, sums: usize,
): void {
  const streams = kind == KIND_Q8_0 ? BYTE_STREAMS : <usize>load<i32>(STREAMS);
  const each = groups / streams;
  const done = each * streams;
  if (each) inStreams(kind, w, x, y, streams, each, blocks, isAdding, sums);
  const rest = groups - done;
  // What whole runs leave: a run of one group each.
  if (rest) {
    inStreams(kind, w + done * groupBlockBytes(kind) * blocks, x, y + done * 32, rest, 1, blocks, isAdding, sums);
  }
}
