// The gate that turns a row in a plane, against the angle it is told.

import { expect, test } from "bun:test";
import { type Pointer, programLayout, writeInstance, writeOperation } from "#kernels";
import { type Bench, createBench, createRandom, underAll } from "./support.ts";

const SEED = 101;
const DIM = 64;
const norm = (v: readonly number[]) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

/** A turn in the plane of the first two rows, tested by the third, to the target b with coefficients of 1. */
function place(bench: Bench, plane: Float32Array, target: Float32Array): Pointer {
  const put = (values: Float32Array) => {
    const { pointer, view } = bench.floats(values.length);
    view.set(values);
    return pointer;
  };
  const [u, b, coefficients] = [put(plane), put(target), put(Float32Array.of(1, 1, 1))];
  const operation = bench.bytes(programLayout.operationBytes);
  writeOperation(bench.memory, operation, {
    ...{ rank: 3, dim: DIM, u, v: u, b, gate: "turn", normPolicy: "none", cap: 0 },
  });
  const instance = bench.bytes(programLayout.instanceBytes);
  writeInstance(bench.memory, instance, { operation, coefficients, proof: 0, next: 0 });
  return instance;
}

test("gate turn: rows keep their norm to 1e-5 and reach the target in the plane; a failed test leaves them to the bit", async () => {
  const random = createRandom(SEED);
  const bench = createBench(2 ** 20);
  const plane = new Float32Array(3 * DIM);
  [plane[5], plane[DIM + 9], plane[2 * DIM + 5]] = [1, 1, 1];
  const instance = place(bench, plane, Float32Array.of(Math.cos(2), Math.sin(2), 0));
  const rows = 64;
  const x = bench.floats(rows * DIM);
  const start = Float32Array.from(x.view, () => random() * 2 - 1);
  await underAll(bench, (operators) => {
    x.view.set(start);
    const instances = bench.ints(Array.from({ length: rows }, () => instance));
    operators.applyPrograms({ x: x.pointer, xStride: DIM, rows, instances });
    for (let row = 0; row < rows; row++) {
      const before = start.slice(row * DIM, (row + 1) * DIM);
      const after = x.view.slice(row * DIM, (row + 1) * DIM);
      if ((before[5] ?? 0) <= 0) {
        expect(after).toEqual(before);
        continue;
      }
      expect(Math.abs(norm([...after]) / norm([...before]) - 1)).toBeLessThan(1e-5);
      expect(Math.atan2(after[9] ?? 0, after[5] ?? 0)).toBeCloseTo(2, 5);
    }
  });
});
