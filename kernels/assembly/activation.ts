/**
 * Gated units: act(gate) · up, alone and fused with quantization. gateUp is f32 [rows, 2·cols]: gate first, then up;
 * cols a multiple of 32. Both activations are g / (1 + e^-u), computed from e^-|u| so that nothing overflows:
 *
 *   silu  u = g
 *   gelu  u = 2·sqrt(2/π)·(g + 0.044715·g³), which is the form with tanh
 */
import { argument, constant, C_ONE, C_SIGN, exp, constantsTable } from "./math";
import { GATED_GELU } from "./layout";
import { blockStep, clearPartner, quantizeBlock, rowStart } from "./quantize";

const GELU_LINEAR: f32 = 1.5957691216057308;
const GELU_CUBIC: f32 = 0.07135481627260025;

/** g / (1 + e^-u) */
// @ts-ignore: decorator
@inline
function gated(g: v128, u: v128, one: v128, table: usize): v128 {
  const e = exp(v128.or(u, constant(C_SIGN)), table);
  const numerator = v128.bitselect(e, one, f32x4.lt(u, f32x4.splat(0)));
  return f32x4.div(f32x4.mul(g, numerator), f32x4.add(one, e));
}

function swigluRow(gate: usize, up: usize, out: usize, bytes: usize): void {
  const one = constant(C_ONE);
  const table = constantsTable();
  const end = gate + bytes;
  for (; gate < end; gate += 16, up += 16, out += 16) {
    const g = v128.load(gate);
    v128.store(out, f32x4.mul(gated(g, g, one, table), v128.load(up)));
  }
}

function gegluRow(gate: usize, up: usize, out: usize, bytes: usize): void {
  const one = constant(C_ONE);
  const table = constantsTable();
  const linear = f32x4.splat(GELU_LINEAR);
  const cubic = f32x4.splat(GELU_CUBIC);
  const end = gate + bytes;
  for (; gate < end; gate += 16, up += 16, out += 16) {
    const g = v128.load(gate);
    const u = f32x4.mul(g, f32x4.add(linear, f32x4.mul(cubic, f32x4.mul(g, g))));
    v128.store(out, f32x4.mul(gated(g, u, one, table), v128.load(up)));
  }
}

// @ts-ignore: decorator
@inline
function gluRow(gate: usize, up: usize, out: usize, bytes: usize): void {
  if (argument(6) == GATED_GELU) gegluRow(gate, up, out, bytes);
  else swigluRow(gate, up, out, bytes);
}

/** Arguments: gateUp, out, layout (-1 = plain rows), rows, cols, rows a chunk, activation. `scratch` holds a row. */
export function gluChunk(chunk: usize, scratch: usize): void {
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
      gluRow(gate, gate + bytes, out, bytes);
      continue;
    }
    gluRow(gate, gate + bytes, scratch, bytes);
    let dst = rowStart(layout, argument(1), row, blocks);
    for (let at: usize = 0; at < bytes; at += 128, dst += step) quantizeBlock(layout, scratch + at, dst);
  }
  if (to == rows && layout >= 0) clearPartner(layout, argument(1), rows, blocks);
}
