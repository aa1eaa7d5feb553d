// Matrix products of every weight kind against f64, and their bits across batch sizes, threads and SIMD variants.

import { expect, test } from "bun:test";
import type { ActivationForm, PackedMatrix, WeightKind } from "#kernels";
import { activationBytes } from "#kernels";
import { type Bench, createBench, createMatrix, createRandom, fillWild, KINDS, underAll } from "./support.ts";

const SEED = 20_261;
const MAX_ROWS = 17;
const BATCHES = [MAX_ROWS, 8, 3, 2, 1];
const SHAPES: readonly (readonly [number, number])[] = [[8, 32], [37, 96], [130, 576], [9, 1536]]; // prettier-ignore
const FORMS: Readonly<Record<WeightKind, ActivationForm>> = {
  q4_0: "a8",
  q4_1: "a8",
  q8_0: "a16",
  f16: "f32",
  f32: "f32",
};
const LIMITS = { a8: 127, a16: 32_767 } as const;

/** Activations as the kernels see them, by the definition: nearest multiples of largest/limit in each block. */
function quantizeExactly(x: Float32Array, form: ActivationForm): Float64Array {
  if (form === "f32") return Float64Array.from(x);
  const out = new Float64Array(x.length);
  for (let block = 0; block < x.length; block += 32) {
    const largest = Math.max(...x.subarray(block, block + 32).map(Math.abs));
    if (largest < 1e-30) continue;
    const factor = Math.fround(LIMITS[form] / largest);
    const scale = Math.fround(largest / LIMITS[form]);
    for (let i = block; i < block + 32; i++) {
      const exact = Math.fround((x[i] ?? 0) * factor);
      const floor = Math.floor(exact);
      const isUp = exact - floor > 0.5 || (exact - floor === 0.5 && floor % 2 !== 0);
      out[i] = (floor + (isUp ? 1 : 0)) * scale;
    }
  }
  return out;
}

interface Case {
  readonly bench: Bench;
  readonly matrix: PackedMatrix;
  readonly form: ActivationForm;
  readonly x: { pointer: number; view: Float32Array };
  readonly quantized: number;
  readonly y: { pointer: number; view: Float32Array };
}

function expectClose(c: Case, values: Float64Array, rows: number): void {
  const { rows: outputs, cols } = c.matrix;
  const x = quantizeExactly(c.x.view, c.form);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outputs; o++) {
      let exact = 0;
      let size = 0;
      for (let k = 0; k < cols; k++) {
        const product = (values[o * cols + k] ?? 0) * (x[r * cols + k] ?? 0);
        exact += product;
        size += Math.abs(product);
      }
      // f32 rounding of cols/32 partial sums, each below `size`; a minimum's product cancels against the nibbles'.
      const allowed = size * 4e-6 + 1e-30;
      const error = Math.abs((c.y.view[r * outputs + o] ?? Number.NaN) - exact);
      if (!(error <= allowed)) throw new Error(`row ${r}, output ${o}: error ${error}, allowed ${allowed}`);
    }
  }
}

for (const kind of KINDS) {
  test(`${kind}: products equal f64, and bits do not depend on batch, threads or SIMD variant (seed ${SEED})`, async () => {
    for (const [outputs, cols] of SHAPES) {
      const random = createRandom(SEED + outputs);
      const bench = createBench(16 * 2 ** 20);
      const { matrix, values } = createMatrix(bench, kind, outputs, cols, random);
      const form = FORMS[kind];
      const x = bench.floats(MAX_ROWS * cols);
      fillWild(x.view, random, kind === "f32" || kind === "f16");
      const quantized = bench.bytes(activationBytes(form, MAX_ROWS, cols));
      const y = bench.floats(MAX_ROWS * outputs);
      const c: Case = { bench, matrix, form, x, quantized, y };
      let expected = new Float32Array();
      await underAll(bench, (operators) => {
        for (const rows of BATCHES) {
          y.view.fill(Number.NaN);
          operators.quantize({ x: x.pointer, form, rows, cols, out: quantized });
          operators.matmul({
            weight: matrix,
            x: quantized,
            rows,
            y: y.pointer,
            yStride: outputs,
            accumulate: false,
          });
          const got = y.view.slice(0, rows * outputs);
          if (rows === MAX_ROWS && expected.length === 0) {
            expectClose(c, values, rows);
            expected = got;
          }
          expect(y.view.subarray(rows * outputs).every(Number.isNaN)).toBe(true);
          expect(got).toEqual(expected.subarray(0, rows * outputs));
        }
      });
      expect(bench.intact()).toBe(true);
    }
  }, 30_000);
}

test("accumulating adds to y exactly, partial last groups and strides included", async () => {
  const random = createRandom(SEED);
  for (const kind of KINDS) {
    const bench = createBench(8 * 2 ** 20);
    const { matrix } = createMatrix(bench, kind, 21, 64, random);
    const form = FORMS[kind];
    const x = bench.floats(3 * 64);
    fillWild(x.view, random, true);
    const quantized = bench.bytes(activationBytes(form, 3, 64));
    const stride = 40;
    const y = bench.floats(2 * stride + 21);
    await underAll(bench, (operators) => {
      const run = (accumulate: boolean) => {
        operators.quantize({ x: x.pointer, form, rows: 3, cols: 64, out: quantized });
        operators.matmul({
          weight: matrix,
          x: quantized,
          rows: 3,
          y: y.pointer,
          yStride: stride,
          accumulate,
        });
        return y.view.slice();
      };
      y.view.fill(7);
      const plain = run(false);
      y.view.fill(0.37);
      const added = run(true);
      for (let i = 0; i < added.length; i++) {
        const isOutput = i % stride < 21;
        const expected = isOutput ? Math.fround(Math.fround(0.37) + (plain[i] ?? 0)) : Math.fround(0.37);
        expect(added[i]).toBe(expected);
        if (!isOutput) expect(plain[i]).toBe(7);
      }
    });
    expect(bench.intact()).toBe(true);
  }
});
