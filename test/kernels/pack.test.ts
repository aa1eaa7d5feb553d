// Packing: embedding rows come back exactly, and weights that are not finite are refused.

import { expect, test } from "bun:test";
import type { WeightSource } from "#kernels";
import { repack } from "#kernels";
import { BLOCKS, createBench, createMatrix, createRandom, dequantize, SOURCES, underAll } from "./support.ts";

const SEED = 4_245;
const SUMS = new Set<WeightSource>(["q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q4_k", "q5_k"]);

for (const source of SOURCES) {
  test(`${source}: embedding gives back the values an independent reader finds, extreme blocks included (seed ${SEED})`, async () => {
    const random = createRandom(SEED);
    const bench = createBench();
    const cols = BLOCKS[source][0] * 3;
    const { matrix, values } = await createMatrix(bench, source, 45, cols, random);
    const ids = bench.ints(Array.from({ length: 45 }, (_, i) => (i * 7) % 45));
    const out = bench.floats(45 * cols);
    await underAll(bench, (operators) => {
      operators.embed({ table: matrix, ids, rows: 45, scale: 0.5, out: out.pointer });
      for (let row = 0; row < 45; row++) {
        for (let k = 0; k < cols; k++) {
          const exact = (values[((row * 7) % 45) * cols + k] ?? 0) * 0.5;
          const got = out.view[row * cols + k] ?? Number.NaN;
          // Kinds with a minimum, and those whose centre is subtracted in f32, add two numbers; the rest is one exact product.
          const allowed = SUMS.has(source) ? 2e-6 + Math.abs(exact) * 1e-6 : 0;
          expect(Math.abs(got - exact)).toBeLessThanOrEqual(allowed);
        }
      }
    });
    expect(bench.intact()).toBe(true);
  });
}

test("a matrix with a weight or a scale that is not finite is refused", async () => {
  const bench = createBench(2 ** 22);
  for (const source of SOURCES) {
    const [cols, , halves] = BLOCKS[source];
    const { matrix, bytes } = await createMatrix(bench, source, 8, cols, createRandom(SEED));
    for (const at of halves.length > 0 ? halves : [0]) {
      const broken = new DataView(bytes.slice().buffer);
      if (source === "f32") broken.setFloat32(at, Number.NaN, true);
      else broken.setUint16(at, source === "bf16" ? 0x7f80 : 0x7c00, true);
      expect(() => repack(bench.memory, matrix, new Uint8Array(broken.buffer), { source })).toThrow(
        "not finite",
      );
    }
  }
});

test("subnormal f16 weights and scales keep their exact values, in rows and in products", async () => {
  const bench = createBench(2 ** 20);
  const source = new Uint8Array(8 * 64);
  const bits = [0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x7bff, 0x0000, 0x8200];
  new Uint16Array(source.buffer).forEach((_, i, halves) => (halves[i] = bits[(i * 5 + (i >> 5)) % 8] ?? 0));
  const matrix = { kind: "f16", rows: 8, cols: 32, pointer: bench.bytes(512), sizeBytes: 512 } as const;
  repack(bench.memory, matrix, source);
  const exact = await dequantize("f16", source);
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
