// Gated units, and rows added to chosen rows. Values against f64 and f32 arithmetic, fused against separate bits.

import { expect, test } from "bun:test";
import type { GateActivation } from "#kernels";
import { activationBytes } from "#kernels";
import { createBench, createRandom, fillWild, underAll } from "./support.ts";

const SEED = 4_244;
const ROWS = 17;
const COLS = 576;
const bytesAt = (memory: WebAssembly.Memory, pointer: number, count: number) =>
  new Uint8Array(memory.buffer, pointer, count).slice();

const GATES: Readonly<Record<GateActivation, (gate: number) => number>> = {
  silu: (gate) => gate / (1 + Math.exp(-gate)),
  gelu: (gate) => gate / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (gate + 0.044715 * gate ** 3))),
};

test.each([
  ["silu", 1e-6],
  ["gelu", 1e-5],
] as const)(
  "units gated by %s equal f64 for gates from -100 to 100, and fused quantization gives the same bits",
  async (activation, tolerance) => {
    const random = createRandom(SEED);
    const bench = createBench();
    const gateUp = bench.floats(ROWS * COLS * 2);
    const out = bench.floats(ROWS * COLS);
    for (let i = 0; i < gateUp.view.length; i++) gateUp.view[i] = (random() - 0.5) * (i % 5 === 0 ? 200 : 8);
    const size = activationBytes("a8", ROWS, COLS);
    const [separate, fused] = [bench.bytes(size), bench.bytes(size)];
    await underAll(bench, (operators) => {
      const common = { gateUp: gateUp.pointer, activation, rows: ROWS, cols: COLS };
      operators.glu({ ...common, out: out.pointer });
      for (let row = 0; row < ROWS; row++) {
        for (let k = 0; k < COLS; k++) {
          const gate = gateUp.view[row * 2 * COLS + k] ?? 0;
          const exact = GATES[activation](gate) * (gateUp.view[row * 2 * COLS + COLS + k] ?? 0);
          const error = Math.abs((out.view[row * COLS + k] ?? Number.NaN) - exact);
          expect(error).toBeLessThanOrEqual(Math.abs(exact) * tolerance + 1e-30);
        }
      }
      operators.quantize({ x: out.pointer, form: "a8", rows: ROWS, cols: COLS, out: separate });
      operators.gluQuantize({ ...common, form: "a8", out: fused });
      expect(bytesAt(bench.memory, fused, size)).toEqual(bytesAt(bench.memory, separate, size));
    });
    expect(bench.intact()).toBe(true);
  },
);

test("scattered rows add factor times themselves to the rows they name, scaled rows are multiplied", async () => {
  const random = createRandom(SEED + 1);
  const bench = createBench();
  const x = bench.floats(ROWS * COLS);
  const y = bench.floats(5 * COLS);
  const factors = bench.floats(5);
  for (const { view } of [x, y, factors]) fillWild(view, random, true);
  const targets = [3, 0, 16, 8, 9];
  const indices = bench.ints(targets);
  const before = x.view.slice();
  const exact = before.slice();
  targets.forEach((row, r) => {
    for (let k = 0; k < COLS; k++) {
      const product = Math.fround((factors.view[r] ?? 0) * (y.view[r * COLS + k] ?? 0));
      exact[row * COLS + k] = Math.fround((exact[row * COLS + k] ?? 0) + product);
    }
  });
  await underAll(bench, (operators) => {
    x.view.set(before);
    const common = { x: x.pointer, cols: COLS };
    operators.scatterRows({ ...common, y: y.pointer, indices, factors: factors.pointer, rows: 5 });
    expect(x.view).toEqual(exact);
    operators.scaleRows({ ...common, factor: 0.22, rows: ROWS });
    expect(x.view).toEqual(exact.map((value) => value * Math.fround(0.22)));
  });
  expect(bench.intact()).toBe(true);
});
