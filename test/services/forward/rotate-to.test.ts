/** rotate_to, compiled, against the angle it is told. */
import { expect, test } from "bun:test";
import { compileProgram } from "../../../services/forward/src/programs/compile.ts";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import { dot, operation, runCompiled, SHAPE, unit, vector } from "../../support/program-reference.ts";

const compile = (operations: Operation[]) => compileProgram({ operations, conflict: "sum" }, SHAPE);

test("rotate_to turns the part in the plane all the way at 1, half of it less, nowhere where its condition fails", () => {
  const a = unit();
  const raw = vector();
  const overlap = dot(a, raw);
  const b = unit(raw.map((value, i) => value - overlap * (a[i] ?? 0)));
  const h = Array.from(vector());
  const [x, y] = [dot(a, h), dot(b, h)];
  const r = Math.hypot(x, y);
  const fields = { kind: "rotate_to" as const, vectors: Float32Array.from([...a, ...b]), parameter: 0.7 };
  const run = (c: number, more: Partial<Operation> = {}) =>
    runCompiled(compile([operation({ ...fields, ...more })]), [c], h);
  const turned = run(1);
  expect([dot(a, turned), dot(b, turned)].map((value) => Math.round(1e4 * value))).toEqual(
    [r * Math.cos(0.7), r * Math.sin(0.7)].map((value) => Math.round(1e4 * value)),
  );
  const half = run(0.5);
  const angle = (row: readonly number[]) => Math.atan2(dot(b, row), dot(a, row));
  const wrapped = (value: number) => Math.atan2(Math.sin(value), Math.cos(value));
  expect(wrapped(angle(half) - angle(h))).toBeCloseTo(wrapped(0.7 - angle(h)) / 2, 4);
  for (const row of [turned, half]) expect(dot(row, row)).toBeCloseTo(dot(h, h), 3);
  const against = { condition: "above" as const, conditionVector: a.map((value) => -Math.sign(x) * value) };
  expect(run(1, { ...against, threshold: 0 })).toEqual(h);
  expect(() => compile([operation({ ...fields, ...against, condition: "relu" })])).toThrow("above");
});
