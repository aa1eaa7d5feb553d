// What no kernel serves: shapes out of bounds, pointers that are none.

import { expect, test } from "bun:test";
import type { KernelError } from "#kernels";
import { activationBytes, ARENA_START, createCompute } from "#kernels";
import { createBench, createMatrix, createRandom, kernelModule } from "./support.ts";

const MIB = 2 ** 20;

/** Why a call is refused; "none" if it runs. */
function reasonOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    return (error as KernelError).reason;
  }
  return "none";
}

test("F13 shapes that no kernel serves are refused before anything runs", async () => {
  const bench = createBench(MIB);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  const { pointer } = bench.floats(64);
  const out = bench.bytes(activationBytes("a8", 1, 32));
  const add = (rows: number, cols: number) => operators.addRows({ x: pointer, y: pointer, rows, cols });
  const cases = [[1, 33], [5_000, 32], [0, 32], [-1, 32], [1.5, 32], [2 ** 31, 32], [1, 0], [1, 2 ** 31]] as const; // prettier-ignore
  for (const [rows, cols] of [...cases, [Number.NaN, 32], [1, Number.NaN]] as const) {
    expect(reasonOf(() => add(rows, cols))).toBe("SHAPE_MISMATCH");
    expect(reasonOf(() => operators.quantize({ x: pointer, form: "a8", rows, cols, out }))).toBe(
      "SHAPE_MISMATCH",
    );
  }
  expect(reasonOf(() => add(2, 32))).toBe("none");
  await close();
  const many = { module: kernelModule, memory: bench.memory, threads: 17 };
  await expect(createCompute(many)).rejects.toThrow("17 threads");
});

test("F13 pointers out of the arena, between floats or into what is read are refused before a byte is written", async () => {
  const bench = createBench(MIB);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  const [rows, cols] = [2, 32];
  const bytes = rows * cols * 4;
  const end = bench.memory.buffer.byteLength;
  const { matrix } = await createMatrix(bench, "q4_1", cols, cols, createRandom(1));
  const [from, to] = [bench.floats(2 * rows * cols).pointer, bench.floats(2 * rows * cols).pointer];
  const calls: Readonly<Record<string, (from: number, to: number) => void>> = {
    addRows: (y, x) => operators.addRows({ x, y, rows, cols }),
    rmsNorm: (x, out) => operators.rmsNorm({ x, weight: from, eps: 1, rows, cols, out }),
    quantize: (x, out) => operators.quantize({ x, form: "a8", rows, cols, out }),
    glu: (gateUp, out) => operators.glu({ gateUp, activation: "silu", rows, cols, out }),
    embed: (ids, out) => operators.embed({ table: matrix, ids, rows, scale: 1, out }),
    matmul: (x, y) => operators.matmul({ weight: matrix, x, rows, y, yStride: cols, accumulate: false }),
  };
  const bad = [0, 4, ARENA_START - 4, from + 1, from + 2, end - 4, end, 2 ** 32, -64, Number.NaN, 0.5];
  for (const [name, call] of Object.entries(calls)) {
    for (const pointer of bad) {
      expect([name, pointer, reasonOf(() => call(pointer, to))]).toEqual([
        name,
        pointer,
        "FIELD_OUT_OF_RANGE",
      ]);
      expect([name, pointer, reasonOf(() => call(from, pointer))]).toEqual([
        name,
        pointer,
        "FIELD_OUT_OF_RANGE",
      ]);
    }
    expect([name, reasonOf(() => call(from, from + 4))]).toEqual([name, "FIELD_OUT_OF_RANGE"]);
    expect([name, reasonOf(() => call(from, to))]).toEqual([name, "none"]);
  }
  // In place, and side by side.
  expect(reasonOf(() => operators.rmsNorm({ x: to, weight: from, eps: 1, rows, cols, out: to }))).toBe(
    "none",
  );
  expect(reasonOf(() => operators.addRows({ x: to, y: to + bytes, rows, cols }))).toBe("none");
  expect(bench.intact()).toBe(true);
  await close();
});
