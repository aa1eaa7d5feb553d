// Operators on rows: norm, add, quantization. Values against f64, fused against separate bits.

import { expect, test } from "bun:test";
import type { ActivationForm } from "#kernels";
import { activationBytes } from "#kernels";
import { createBench, createRandom, fillWild, underAll } from "./support.ts";

const SEED = 4_242;
const FORMS: readonly ActivationForm[] = ["a8", "a16", "f32"];
const ROWS = 17;
// Wide enough for several chunks.
const COLS = 576;
const bytesAt = (memory: WebAssembly.Memory, pointer: number, count: number) =>
  new Uint8Array(memory.buffer, pointer, count).slice();

test("rmsNorm equals f64 within 2 ulp-sized steps, whatever the scale of the row", async () => {
  const random = createRandom(SEED);
  const bench = createBench();
  const x = bench.floats(ROWS * COLS);
  const weight = bench.floats(COLS);
  const out = bench.floats(ROWS * COLS);
  fillWild(x.view, random);
  fillWild(weight.view, random, true);
  await underAll(bench, (operators) => {
    operators.rmsNorm({
      x: x.pointer,
      weight: weight.pointer,
      eps: 1e-5,
      rows: ROWS,
      cols: COLS,
      out: out.pointer,
    });
    for (let row = 0; row < ROWS; row++) {
      const values = x.view.subarray(row * COLS, (row + 1) * COLS);
      const rms = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / COLS + 1e-5);
      for (let k = 0; k < COLS; k++) {
        const exact = ((values[k] ?? 0) / rms) * (weight.view[k] ?? 0);
        expect(Math.abs((out.view[row * COLS + k] ?? 0) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 1e-6);
      }
    }
  });
  expect(bench.intact()).toBe(true);
});

test("the fused add, norm and quantization writes the bits of the three separate calls", async () => {
  const random = createRandom(SEED + 1);
  const bench = createBench();
  const x = bench.floats(ROWS * COLS);
  const y = bench.floats(ROWS * COLS);
  const weight = bench.floats(COLS);
  const normed = bench.floats(ROWS * COLS);
  for (const { view } of [x, y, weight]) fillWild(view, random);
  const original = x.view.slice();
  for (const form of FORMS) {
    for (const rows of [1, 2, 3, ROWS]) {
      const size = activationBytes(form, rows, COLS);
      const [separate, fused] = [bench.bytes(size), bench.bytes(size)];
      await underAll(bench, (operators) => {
        const common = { rows, cols: COLS };
        const norm = { ...common, x: x.pointer, weight: weight.pointer, eps: 1e-6 };
        x.view.set(original);
        operators.addRows({ ...common, x: x.pointer, y: y.pointer });
        operators.rmsNorm({ ...norm, out: normed.pointer });
        operators.quantize({ ...common, x: normed.pointer, form, out: separate });
        const added = x.view.slice();
        x.view.set(original);
        operators.rmsNormQuantize({ ...norm, add: y.pointer, form, out: fused });
        expect(x.view).toEqual(added);
        expect(bytesAt(bench.memory, fused, size)).toEqual(bytesAt(bench.memory, separate, size));
      });
    }
  }
  expect(bench.intact()).toBe(true);
});

test("a quantized row does not depend on the rows around it, and extremes stay finite", async () => {
  const bench = createBench();
  const x = bench.floats(3 * 32);
  const rows = [
    [3.4e20, -3.4e20, 1e20, 0],
    [1e-45, -1e-40, 1e-38, 0],
    [-127, 127, 63.5, 0.5, -0.5, 1.5],
  ];
  rows.forEach((row, r) => row.forEach((value, k) => (x.view[r * 32 + k] = value)));
  const out = bench.bytes(activationBytes("a8", 3, 32));
  await underAll(bench, (operators) => {
    rows.forEach((_, r) => {
      operators.quantize({ x: x.pointer + r * 128, form: "a8", rows: 1, cols: 32, out });
      const numbers = [...new Int8Array(bench.memory.buffer, out, 6)];
      const scale = (new Float32Array(bench.memory.buffer, out + 36, 1)[0] ?? Number.NaN) / 2 ** 56;
      expect(Number.isFinite(scale)).toBe(true);
      if (r === 0) expect(numbers.slice(0, 4)).toEqual([127, -127, 37, 0]);
      if (r === 1) expect([...numbers, scale]).toEqual([0, 0, 0, 0, 0, 0, 0]);
      if (r === 2) expect([...numbers, scale]).toEqual([-127, 127, 64, 0, -0, 2, 1].map((v) => v + 0));
    });
  });
  expect(bench.intact()).toBe(true);
});
