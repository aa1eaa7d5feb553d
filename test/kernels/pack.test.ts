// Packing: embedding rows come back exactly, and weights that are not finite are refused.

import { expect, test } from "bun:test";
import { repack } from "#kernels";
import { createBench, createMatrix, createRandom, KINDS, underAll } from "./support.ts";

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
