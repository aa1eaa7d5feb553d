/** The strongest axis of rows, however near the second one is: of many short rows, and of a few long ones. */
import { expect, test } from "bun:test";
import { createRandom } from "../../../services/steering/src/controller/random.ts";
import { firstAxis } from "../../../services/steering/src/methods/first-axis.ts";

const random = createRandom(5);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * (b[i] as number), 0);

/** Orthonormal vectors. */
function frame(size: number, count: number): Float64Array[] {
  const found: Float64Array[] = [];
  while (found.length < count) {
    let vector = Float64Array.from({ length: size }, () => random.normal());
    for (const other of [...found, ...found]) {
      const along = dot(vector, other);
      vector = vector.map((x, i) => x - along * (other[i] as number));
    }
    const length = Math.sqrt(dot(vector, vector));
    found.push(vector.map((x) => x / length));
  }
  return found;
}

/** Rows whose axes are as strong as said, and the first two axes. */
function rowsOf(count: number, width: number, strengths: readonly number[]) {
  const [axes, parts] = [frame(width, strengths.length), frame(count, strengths.length)];
  const at = (n: number, i: number) =>
    strengths.reduce((sum, s, k) => sum + s * (parts[k]?.[n] as number) * (axes[k]?.[i] as number), 0);
  const rows = Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length: width }, (__, i) => at(n, i)),
  );
  return { rows, first: axes[0] as Float64Array, second: axes[1] as Float64Array };
}

test.each([
  [40, 24],
  [24, 40],
])("of %p rows of width %p it is found where the second is a thousandth weaker", (count, width) => {
  for (const ratio of [0.5, 0.95, 0.99, 0.999]) {
    const weaker = Array.from({ length: 20 }, (_, k) => ratio * 0.98 ** k);
    const { rows, first, second } = rowsOf(count, width, [1, ...weaker]);
    const axis = firstAxis(rows);
    expect(Math.abs(dot(axis, first))).toBeGreaterThan(1 - 1e-6);
    expect(Math.abs(dot(axis, second))).toBeLessThan(1e-4);
  }
});

test("of two that are as strong as each other any of their plane will do; of zeros there is none", () => {
  const { rows, first, second } = rowsOf(12, 9, [1, 1, 0.3]);
  const axis = firstAxis(rows);
  expect(dot(axis, first) ** 2 + dot(axis, second) ** 2).toBeCloseTo(1, 5);
  expect(firstAxis([new Float32Array(3), new Float32Array(3)])).toEqual(new Float32Array(3));
  expect([...firstAxis([Float32Array.of(0, 2)])].map(Math.abs)).toEqual([0, 1]);
});
