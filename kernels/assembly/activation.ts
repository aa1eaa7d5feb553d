/**
 * SwiGLU: silu(gate) · up, alone and fused with quantization. silu(g) = g / (1 + e^-g), computed from e^-|g| so that
 * nothing overflows. gateUp is f32 [rows, 2·cols]: gate first, then up; cols a multiple of 32.
 */
import { argument, constant, C_ONE, exp, expTable } from "./math";
import { blockStep, clearPartner, quantizeBlock, rowStart } from "./quantize";

function swiglu32(gate: usize, up: usize, out: usize): void {
  const one = constant(C_ONE);
  const table = expTable();
  const end = gate + 128;
  for (; gate < end; gate += 16, up += 16, out += 16) {
    const g = v128.load(gate);
    const e = exp(f32x4.neg(f32x4.abs(g)), table);
    const numerator = v128.bitselect(e, one, f32x4.lt(g, f32x4.splat(0)));
    const silu = f32x4.div(f32x4.mul(g, numerator), f32x4.add(one, e));
    v128.store(out, f32x4.mul(silu, v128.load(up)));
  }
}

/** Arguments: gateUp, out, layout (-1 = plain rows), rows, cols, rows a chunk. `scratch` holds 128 bytes. */
export function swigluChunk(chunk: usize, scratch: usize): void {
  const layout = <i32>argument(2);
  const rows = argument(3);
  const bytes = argument(4) * 4;
  const blocks = argument(4) >> 5;
  const from = chunk * argument(5);
  const to = min(from + argument(5), rows);
  const step = blockStep(layout);
  for (let row = from; row < to; row++) {
    const gate = argument(0) + row * bytes * 2;
    if (layout < 0) {
      const out = argument(1) + row * bytes;
      for (let at: usize = 0; at < bytes; at += 128) swiglu32(gate + at, gate + bytes + at, out + at);
      continue;
    }
    let dst = rowStart(layout, argument(1), row, blocks);
    for (let at: usize = 0; at < bytes; at += 128, dst += step) {
      swiglu32(gate + at, gate + bytes + at, scratch);
      quantizeBlock(layout, scratch, dst);
    }
  }
  if (to == rows && layout >= 0) clearPartner(layout, argument(1), rows, blocks);
}
