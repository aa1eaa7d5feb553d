/**
 * Rows of a packed table back to f32: out = value · scale. Layouts as in matmul-*.ts; row r is lane r mod 8 of its group.
 */
import { KIND_BF16, KIND_F16, KIND_F32, KIND_Q4_1, KIND_Q5_0, KIND_Q5_1, KIND_Q8_0, Q8_0_BYTES } from "./layout";
import { rowSuper } from "./embed-super";
import { groupBlockBytes } from "./kinds";
import { argument, floatArgument } from "./math";
import { weight4, weight5 } from "./weights";

const TWO_TO_112: f32 = 5.192296858534828e33;

/** The f16 at `at`. */
// @ts-ignore: decorator
@inline
function half(at: usize): f32 {
  const bits = <i32>load<i16>(at) << 13;
  return reinterpret<f32>(bits & 0x8fffe000) * TWO_TO_112;
}

/** Q4_0, Q4_1, Q5_0, Q5_1. */
function rowHalves(kind: i32, w: usize, lane: usize, blocks: usize, scale: f32, out: usize): void {
  const isQ5 = kind == KIND_Q5_0 || kind == KIND_Q5_1;
  const hasMinimum = kind == KIND_Q4_1 || kind == KIND_Q5_1;
  const step = groupBlockBytes(kind);
  const scales: usize = isQ5 ? 160 : 128;
  const centre: f32 = hasMinimum ? 0 : isQ5 ? -16 : -8;
  const base = isQ5 ? (lane >> 2) * 80 + (lane & 3) * 4 : (lane >> 2) * 64 + (lane & 3) * 4;
  for (let block: usize = 0; block < blocks; block++, w += step, out += 128) {
    const at = w + scales;
    const d = half(hasMinimum ? at + lane * 4 : at + (lane & 3) * 4 + (lane >> 2) * 2);
    const m = hasMinimum ? half(at + 2 + lane * 4) : d * centre;
    for (let k: usize = 0; k < 32; k++) {
      const value = <f32>(isQ5 ? weight5(w + base, k) : weight4(w + base, k));
      store<f32>(out + k * 4, (value * d + m) * scale);
    }
  }
}

function rowQ8(w: usize, lane: usize, blocks: usize, scale: f32, out: usize): void {
  for (let block: usize = 0; block < blocks; block++, w += Q8_0_BYTES, out += 128) {
    const d = load<f32>(w + 256 + lane * 4);
    for (let p: usize = 0; p < 16; p++) {
      const at = w + p * 16 + lane * 2;
      store<f32>(out + p * 8, <f32>load<i8>(at) * d * scale);
      store<f32>(out + p * 8, <f32>load<i8>(at, 1) * d * scale, 4);
    }
  }
}

function rowFloat(w: usize, lane: usize, cols: usize, scale: f32, out: usize): void {
  for (let k: usize = 0; k < cols; k++, out += 4) store<f32>(out, load<f32>(w + k * 32 + lane * 4) * scale);
}

function row16(isBrain: bool, w: usize, lane: usize, cols: usize, scale: f32, out: usize): void {
  const at = (lane & 3) * 4 + (lane >> 2) * 2;
  for (let k: usize = 0; k < cols; k++, out += 4) {
    const from = w + k * 16 + at;
    const value = isBrain ? reinterpret<f32>(<u32>load<u16>(from) << 16) : half(from);
    store<f32>(out, value * scale);
  }
}

/** Arguments: kind, table, ids, rows, out, scale, blocks, rows a chunk. */
export function embedChunk(chunk: usize): void {
  const kind = <i32>argument(0);
  const blocks = argument(6);
  const scale = floatArgument(5);
  const from = chunk * argument(7);
  const to = min(from + argument(7), argument(3));
  for (let row = from; row < to; row++) {
    const id = <usize>load<u32>(argument(2) + row * 4);
    const out = argument(4) + row * (blocks << 7);
    const lane = id & 7;
    const w = argument(1) + (id >> 3) * blocks * groupBlockBytes(kind);
    if (kind == KIND_Q8_0) rowQ8(w, lane, blocks, scale, out);
    else if (kind == KIND_F32) rowFloat(w, lane, blocks << 5, scale, out);
    else if (kind == KIND_F16 || kind == KIND_BF16) row16(kind == KIND_BF16, w, lane, blocks << 5, scale, out);
    else if (kind <= KIND_Q5_1) rowHalves(kind, w, lane, blocks, scale, out);
    else rowSuper(kind, w, lane, blocks, scale, out);
  }
}
