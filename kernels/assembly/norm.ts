/**
 * RMS norm, the residual add, and both fused with quantization; adding weighted rows to chosen rows, and scaling.
 * Rows are f32, cols a multiple of 32.
 * The sum of squares has two 4-lane accumulators (even and odd vectors), folded once: one order for all callers.
 */
import { argument, floatArgument, sumLanes } from "./math";
import { addProduct } from "./order";
import { blockStep, clearPartner, quantizeBlock, rowStart } from "./quantize";

/** x += y over `bytes` bytes. */
export function addRow(x: usize, y: usize, bytes: usize): void {
  const end = x + bytes;
  for (; x < end; x += 32, y += 32) {
    v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
    v128.store(x, f32x4.add(v128.load(x, 16), v128.load(y, 16)), 16);
  }
}

/** 1 / sqrt(mean(x²) + eps) */
function inverseRms(x: usize, bytes: usize, eps: f32): f32 {
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  const end = x + bytes;
  for (; x < end; x += 32) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    even = addProduct(even, a, a);
    odd = addProduct(odd, b, b);
  }
  return <f32>1 / sqrt<f32>(sumLanes(f32x4.add(even, odd)) / <f32>(bytes >> 2) + eps);
}

/** `bytes` bytes of normed floats. */
// @ts-ignore: decorator
@inline
function scaleRow(x: usize, weight: usize, factor: v128, out: usize, bytes: usize): void {
  const end = x + bytes;
  for (; x < end; x += 32, weight += 32, out += 32) {
    v128.store(out, f32x4.mul(f32x4.mul(v128.load(x), factor), v128.load(weight)));
    v128.store(out, f32x4.mul(f32x4.mul(v128.load(x, 16), factor), v128.load(weight, 16)), 16);
  }
}

/** out = x / rms(x) · weight over `bytes` bytes, a multiple of 128; out may be x. */
export function normRow(x: usize, weight: usize, eps: f32, bytes: usize, out: usize): void {
  const factor = f32x4.splat(inverseRms(x, bytes, eps));
  scaleRow(x, weight, factor, out, bytes);
}

/** Arguments: x, y, bytes of a row, rows, rows a chunk. */
export function addChunk(chunk: usize): void {
  const bytes = argument(2);
  const from = chunk * argument(4);
  const to = min(from + argument(4), argument(3));
  addRow(argument(0) + from * bytes, argument(1) + from * bytes, (to - from) * bytes);
}

/** x[indices[r]] += factors[r] · y[r]. Arguments as `addChunk`, then: indices (all different), factors. */
export function scatterChunk(chunk: usize): void {
  const bytes = argument(2);
  const to = min((chunk + 1) * argument(4), argument(3));
  for (let row = chunk * argument(4); row < to; row++) {
    const factor = v128.load32_splat(argument(6) + row * 4);
    let x = argument(0) + <usize>load<u32>(argument(5) + row * 4) * bytes;
    let y = argument(1) + row * bytes;
    const end = y + bytes;
    for (; y < end; x += 16, y += 16) {
      v128.store(x, f32x4.add(v128.load(x), f32x4.mul(factor, v128.load(y))));
    }
  }
}

/** x *= factor. Arguments: x, factor, bytes of a row, rows, rows a chunk. */
export function scaleChunk(chunk: usize): void {
  const factor = f32x4.splat(floatArgument(1));
  const to = argument(0) + min((chunk + 1) * argument(4), argument(3)) * argument(2);
  for (let x = argument(0) + chunk * argument(4) * argument(2); x < to; x += 16) {
    v128.store(x, f32x4.mul(v128.load(x), factor));
  }
}

/** Arguments: x, weight, eps, rows, cols, rows a chunk, out. */
export function normChunk(chunk: usize): void {
  const bytes = argument(4) * 4;
  const from = chunk * argument(5);
  const to = min(from + argument(5), argument(3));
  for (let row = from; row < to; row++) {
    normRow(argument(0) + row * bytes, argument(1), floatArgument(2), bytes, argument(6) + row * bytes);
  }
}

/** Arguments as `normChunk`, then: add (or 0), layout. `scratch` holds a row. */
export function normQuantizeChunk(chunk: usize, scratch: usize): void {
  const rows = argument(3);
  const bytes = argument(4) * 4;
  const blocks = argument(4) >> 5;
  const layout = <i32>argument(8);
  const from = chunk * argument(5);
  const to = min(from + argument(5), rows);
  const step = blockStep(layout);
  for (let row = from; row < to; row++) {
    const x = argument(0) + row * bytes;
    if (argument(7)) addRow(x, argument(7) + row * bytes, bytes);
    const factor = f32x4.splat(inverseRms(x, bytes, floatArgument(2)));
    let dst = rowStart(layout, argument(6), row, blocks);
    scaleRow(x, argument(1), factor, scratch, bytes);
    for (let at: usize = 0; at < bytes; at += 128, dst += step) quantizeBlock(layout, scratch + at, dst);
  }
  if (to == rows) clearPartner(layout, argument(6), rows, blocks);
}
