// Matrix products of every weight kind against f64, and their bits across batch sizes, threads and SIMD variants.

import { expect, test } from "bun:test";
import type { ActivationForm, PackedMatrix } from "#kernels";
import { activationBytes, activationForm } from "#kernels";
import {
  type Bench,
  BLOCKS,
  createBench,
  createMatrix,
  createRandom,
  fillWild,
  SOURCES,
  underAll,
} from "./support.ts";

const SEED = 20_261;
const MAX_ROWS = 17;
const BATCHES = [MAX_ROWS, 8, 3, 2, 1];
/** Rows and, in blocks of 32 and in superblocks, columns. */
const SHAPES = [[8, 32, 256], [61, 96, 512], [130, 576, 768], [9, 1536, 1536]] as const; // prettier-ignore
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

function expectClose(c: Case, values: Float32Array, rows: number): void {
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

for (const source of SOURCES) {
  test(`${source}: products equal f64, and bits do not depend on batch, threads or SIMD variant (seed ${SEED})`, async () => {
    for (const [outputs, narrow, wide] of SHAPES) {
      const cols = BLOCKS[source][0] === 32 ? narrow : wide;
      const random = createRandom(SEED + outputs);
      const bench = createBench(16 * 2 ** 20);
      const { matrix, values } = await createMatrix(bench, source, outputs, cols, random);
      const form = activationForm(matrix.kind);
      const x = bench.floats(MAX_ROWS * cols);
      fillWild(x.view, random, form === "f32");
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
  }, 120_000);
}

test("accumulating adds to y exactly, partial last groups and strides included", async () => {
  const random = createRandom(SEED);
  for (const source of SOURCES) {
    const bench = createBench(8 * 2 ** 20);
    const cols = BLOCKS[source][0] * 2;
    const { matrix } = await createMatrix(bench, source, 21, cols, random);
    const form = activationForm(matrix.kind);
    const x = bench.floats(3 * cols);
    fillWild(x.view, random, true);
    const quantized = bench.bytes(activationBytes(form, 3, cols));
    const stride = 40;
    const y = bench.floats(2 * stride + 21);
    await underAll(bench, (operators) => {
      const run = (accumulate: boolean) => {
        operators.quantize({ x: x.pointer, form, rows: 3, cols, out: quantized });
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
