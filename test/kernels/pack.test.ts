// Packing: embedding rows come back exactly, and weights that are not finite are refused.

import { expect, test } from "bun:test";
import { repack } from "#kernels";
import { createBench, createMatrix, createRandom, dequantize, KINDS, underAll } from "./support.ts";

const SEED = 4_245;
const COLS = 96;

for (const kind of KINDS) {
  test(`${kind}: embedding gives back every value of the file, so packing loses nothing`, async () => {
    const random = createRandom(SEED);
    const bench = createBench();
    const { matrix, values } = createMatrix(bench, kind, 45, COLS, random);
    const ids = bench.ints(Array.from({ length: 45 }, (_, i) => (i * 7) % 45));
    const out = bench.floats(45 * COLS);
    await underAll(bench, (operators) => {
      operators.embed({ table: matrix, ids, rows: 45, scale: 0.5, out: out.pointer });
      for (let row = 0; row < 45; row++) {
        for (let k = 0; k < COLS; k++) {
          const exact = (values[((row * 7) % 45) * COLS + k] ?? 0) * 0.5;
          const got = out.view[row * COLS + k] ?? Number.NaN;
          // Q4_1 adds two rounded numbers; everything else is one exact product.
          expect(Math.abs(got - exact)).toBeLessThanOrEqual(kind === "q4_1" || kind === "q4_0" ? 2e-6 : 0);
        }
      }
    });
    expect(bench.intact()).toBe(true);
  });
}

test("a matrix with a scale that is not finite is refused", () => {
  const bench = createBench(2 ** 20);
  for (const kind of ["q4_0", "q4_1", "q8_0", "f16"] as const) {
    const { matrix, source } = createMatrix(bench, kind, 8, 32, createRandom(SEED));
    new DataView(source.buffer).setUint16(0, 0x7c00, true);
    expect(() => repack(bench.memory, matrix, source)).toThrow("not finite");
  }
});

test("subnormal f16 weights and scales keep their exact values, in rows and in products", async () => {
  const bench = createBench(2 ** 20);
  const source = new Uint8Array(8 * 64);
  const bits = [0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x7bff, 0x0000, 0x8200];
  new Uint16Array(source.buffer).forEach((_, i, halves) => (halves[i] = bits[(i * 5 + (i >> 5)) % 8] ?? 0));
  const matrix = { kind: "f16", rows: 8, cols: 32, pointer: bench.bytes(512), sizeBytes: 512 } as const;
  repack(bench.memory, matrix, source);
  const exact = dequantize("f16", source);
  const ids = bench.ints([0, 1, 2, 3, 4, 5, 6, 7]);
  const out = bench.floats(8 * 32);
  const x = bench.floats(2 * 32);
  const y = bench.floats(2 * 8);
  await underAll(bench, (operators) => {
    operators.embed({ table: matrix, ids, rows: 8, scale: 1, out: out.pointer });
    expect([...out.view]).toEqual([...exact].map((value) => value + 0));
    for (let k = 0; k < 32; k++) {
      x.view.fill(0);
      x.view[k] = 1;
      x.view[32 + k] = 1;
      for (const rows of [1, 2]) {
        operators.matmul({ weight: matrix, x: x.pointer, rows, y: y.pointer, yStride: 8, accumulate: false });
        for (let o = 0; o < 8; o++)
          expect(y.view[(rows - 1) * 8 + o]).toBe(Math.fround((exact[o * 32 + k] ?? 0) + 0));
      }
    }
  });
  expect(bench.intact()).toBe(true);
});
