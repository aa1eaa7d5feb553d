// Through how many runs of weights a row goes at once.

import { expect, test } from "bun:test";
import { activationBytes, activationForm, createCompute, STREAM_COUNTS } from "#kernels";
import { createBench, createMatrix, createRandom, fillWild, kernelModule } from "./support.ts";

const SEED = 77;
/** Those whose rows go through as many runs as the caller says. */
const KINDS = ["q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"] as const;

test(`bits do not depend on the number of runs, odd and partial groups included (seed ${SEED})`, async () => {
  const bench = createBench(8 * 2 ** 20);
  const random = createRandom(SEED);
  const rows = 221;
  const cols = 512;
  const x = bench.floats(cols);
  fillWild(x.view, random);
  const quantized = bench.bytes(activationBytes("a8", 1, cols));
  const y = bench.floats(rows);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  operators.quantize({ x: x.pointer, form: "a8", rows: 1, cols, out: quantized });
  for (const kind of KINDS) {
    const { matrix: weight } = await createMatrix(bench, kind, rows, cols, random);
    const results = STREAM_COUNTS.map((count) => {
      operators.useStreams(count);
      operators.matmul({ weight, x: quantized, rows: 1, y: y.pointer, yStride: rows, accumulate: false });
      return Float32Array.from(y.view);
    });
    expect(results[1]).toEqual(results[0]!);
  }
  expect(() => operators.useStreams(3)).toThrow("8 or 4");
  await close();
});

test(`the widest rows leave scratch room for fewer runs: two rows equal one at a time (seed ${SEED})`, async () => {
  const bench = createBench(16 * 2 ** 20);
  const random = createRandom(SEED);
  const [rows, cols] = [40, 16_384];
  const x = bench.floats(2 * cols);
  fillWild(x.view, random);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  for (const kind of ["q4_1", "q8_0"] as const) {
    const form = activationForm(kind);
    const { matrix: weight } = await createMatrix(bench, kind, rows, cols, random);
    const quantized = bench.bytes(activationBytes(form, 2, cols));
    const y = bench.floats(2 * rows);
    const product = (from: number, count: number): Float32Array => {
      operators.quantize({ x: x.pointer + from * cols * 4, form, rows: count, cols, out: quantized });
      operators.matmul({ weight, x: quantized, rows: count, y: y.pointer, yStride: rows, accumulate: false });
      return y.view.slice(0, count * rows);
    };
    expect(product(0, 2)).toEqual(Float32Array.of(...product(0, 1), ...product(1, 1)));
  }
  expect(bench.intact()).toBe(true);
  await close();
});
