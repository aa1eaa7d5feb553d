// Through how many runs of weights a row goes at once.

import { expect, test } from "bun:test";
import { activationBytes, createCompute, STREAM_COUNTS } from "#kernels";
import { createBench, createMatrix, createRandom, fillWild, kernelModule } from "./support.ts";

const SEED = 77;

test(`bits do not depend on the number of runs, odd and partial groups included (seed ${SEED})`, async () => {
  const bench = createBench(8 * 2 ** 20);
  const random = createRandom(SEED);
  const [rows, cols] = [221, 96];
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
  for (const kind of ["q4_0", "q4_1"] as const) {
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
