/**
 * Rows of a packed table back to f32: out = value · scale. Layouts as in matmul-*.ts; row r is lane r mod 8 of its group.
 */
import { F16_BLOCK_BYTES, F32_BLOCK_BYTES, KIND_F16, KIND_F32, KIND_Q4_0, KIND_Q4_1 } from "./layout";
import { Q4_0_BYTES, Q4_1_BYTES, Q8_0_BYTES } from "./layout";
import { argument, floatArgument } from "./math";

const TWO_TO_112: f32 = 5.192296858534828e33;

/** Undoes the rounding compensation: bytes as after the kernels' shift. */
// @ts-ignore: decorator
@inline
function highNibble(w: usize, at: usize): i32 {
  const pair = <i32>load<i16>(w + (at & ~1));
  return ((pair + 8) >> (at & 1 ? 12 : 4)) & 15;
}

/** The f16 at `at`. */
// @ts-ignore: decorator
@inline
function half(at: usize): f32 {
  const bits = <i32>load<i16>(at) << 13;
  return reinterpret<f32>(bits & 0x8fffe000) * TWO_TO_112;
}

function rowQ4(w: usize, lane: usize, blocks: usize, isQ41: bool, scale: f32, out: usize): void {
  const step: usize = isQ41 ? Q4_1_BYTES : Q4_0_BYTES;
  const base = (lane >> 2) * 64 + (lane & 3) * 4;
  for (let block: usize = 0; block < blocks; block++, w += step, out += 128) {
    const d = half(isQ41 ? w + 128 + lane * 4 : w + 128 + (lane & 3) * 4 + (lane >> 2) * 2);
    const m = isQ41 ? half(w + 130 + lane * 4) : d * -8;
    for (let k: usize = 0; k < 16; k++) {
      const at = w + base + (k >> 2) * 16;
      const low = <f32>(<i32>load<u8>(at + (k & 3)) & 15);
      const high = <f32>highNibble(at, k & 3);
      store<f32>(out + k * 4, (low * d + m) * scale);
      store<f32>(out + k * 4, (high * d + m) * scale, 64);
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

function rowFloat(w: usize, lane: usize, cols: usize, isHalf: bool, scale: f32, out: usize): void {
  const at = isHalf ? (lane & 3) * 4 + (lane >> 2) * 2 : lane * 4;
  for (let k: usize = 0; k < cols; k++, out += 4) {
    const value = isHalf ? half(w + k * 16 + at) : load<f32>(w + k * 32 + at);
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
    const group = argument(1);
    const at = (id >> 3) * blocks;
    if (kind == KIND_Q4_0) rowQ4(group + at * Q4_0_BYTES, lane, blocks, false, scale, out);
    else if (kind == KIND_Q4_1) rowQ4(group + at * Q4_1_BYTES, lane, blocks, true, scale, out);
    else if (kind == KIND_F32) rowFloat(group + at * F32_BLOCK_BYTES, lane, blocks << 5, false, scale, out);
    else if (kind == KIND_F16) rowFloat(group + at * F16_BLOCK_BYTES, lane, blocks << 5, true, scale, out);
    else rowQ8(group + at * Q8_0_BYTES, lane, blocks, scale, out);
  }
}
