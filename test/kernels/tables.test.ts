// Our own sine, cosine, exponential and logarithm against the engine's, and page sizes against their definition.

import { expect, test } from "bun:test";
import { copyPage, fillRopeTable, kvPageBytes, ropeTableBytes } from "#kernels";
import { exponential, logarithm } from "../../kernels/src/scalar-math.ts";
import { createBench, createRandom } from "./support.ts";

test("the rope table equals f64 sine and cosine to f32 precision, far positions and frequency factors included", () => {
  const [positions, rotary, base] = [9_000, 64, 100_000];
  const bench = createBench();
  const pointer = bench.bytes(ropeTableBytes(positions, rotary));
  const table = new Float32Array(bench.memory.buffer, pointer, positions * rotary);
  const frequencyFactors = Float32Array.from({ length: 32 }, (_, i) => 1 + i / 4);
  for (const factors of [undefined, frequencyFactors]) {
    fillRopeTable(bench.memory, pointer, {
      positions,
      rotary,
      base,
      ...(factors ? { frequencyFactors: factors } : {}),
    });
    let worst = 0;
    for (let position = 0; position < positions; position += 7) {
      for (let i = 0; i < 32; i++) {
        const angle = (position * base ** ((-2 * i) / rotary)) / (factors?.[i] ?? 1);
        const at = position * rotary + i;
        worst = Math.max(worst, Math.abs((table[at] ?? Number.NaN) - Math.cos(angle)));
        worst = Math.max(worst, Math.abs((table[at + 32] ?? Number.NaN) - Math.sin(angle)));
      }
    }
    expect(worst).toBeLessThan(6.1e-8);
  }
  expect(bench.intact()).toBe(true);
});

test("e^x and ln x agree with the engine to 12 digits over their whole range", () => {
  const random = createRandom(8);
  for (let i = 0; i < 5_000; i++) {
    const x = (random() - 0.5) * 1_400;
    const exact = Math.exp(x);
    expect(Math.abs(exponential(x) / exact - 1)).toBeLessThan(1e-12);
    const positive = 10 ** ((random() - 0.5) * 600);
    expect(Math.abs(logarithm(positive) - Math.log(positive))).toBeLessThanOrEqual(
      1e-13 * Math.abs(Math.log(positive)) + 1e-15,
    );
  }
  expect(logarithm(0)).toBe(Number.NEGATIVE_INFINITY);
  expect(exponential(0)).toBe(1);
});

test("a page holds 9 bits (int8) or 17 bits (int16) a number, and copying one copies nothing else", () => {
  const shape = { layers: 3, kvHeads: 2, headDim: 96 };
  const numbers = 32 * 2 * 3 * 2 * 96;
  expect(kvPageBytes({ ...shape, kind: "int8" })).toBe((numbers * 9) / 8);
  expect(kvPageBytes({ ...shape, kind: "int16" })).toBe((numbers * 17) / 8);
  const bench = createBench(2 ** 20);
  const [from, to] = [bench.bytes(640), bench.bytes(640)];
  new Uint8Array(bench.memory.buffer, from, 640).fill(7);
  copyPage(bench.memory, from, to, 640);
  expect(new Uint8Array(bench.memory.buffer, to, 640).every((byte) => byte === 7)).toBe(true);
  expect(bench.intact()).toBe(true);
  expect(() => kvPageBytes({ ...shape, headDim: 80, kind: "int8" })).toThrow("multiple of 32");
});
