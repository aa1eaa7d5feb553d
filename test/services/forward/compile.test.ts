/** Compiled programs against each operation's definition, in double precision. */
import { expect, test } from "bun:test";
import { compileProgram, kernelCoefficients } from "../../../services/forward/src/programs/compile.ts";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import { dot, operation, runCompiled, SHAPE, unit, vector } from "../../support/program-reference.ts";

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5);
}

const compile = (operations: Operation[]) => compileProgram({ operations, conflict: "sum" }, SHAPE);

test("add, erase, multiply and replace do what they say", () => {
  const v = unit();
  const h = Array.from(vector());
  const along = dot(v, h);
  const moved = (amount: number) => h.map((value, i) => value + amount * (v[i] ?? 0));
  const cases: [Partial<Operation>, number, number][] = [
    [{ kind: "add" }, 1.5, 1.5],
    [{ kind: "erase" }, 1, -along],
    [{ kind: "erase" }, 0.25, -0.25 * along],
    [{ kind: "multiply", parameter: 3 }, 1, 2 * along],
    [{ kind: "multiply", parameter: 0.5 }, 0.5, -0.25 * along],
    [{ kind: "replace", parameter: 4 }, 1, 4 - along],
    [{ kind: "replace", parameter: 4 }, 0.5, 2 - along],
  ];
  for (const [fields, c, amount] of cases) {
    expectClose(runCompiled(compile([operation({ ...fields, vectors: v })]), [c], h), moved(amount));
  }
});

test("rotate turns the plane by coefficient times angle and keeps the norm", () => {
  const a = unit();
  const raw = vector();
  const overlap = dot(a, raw);
  const b = unit(raw.map((value, i) => value - overlap * (a[i] ?? 0)));
  const h = Array.from(vector());
  const turned = runCompiled(
    compile([
      operation({ kind: "rotate", vectors: Float32Array.from([...a, ...b]), parameter: Math.PI / 3 }),
    ]),
    [0.5],
    h,
  );
  const [x, y] = [dot(a, h), dot(b, h)];
  const angle = Math.PI / 6;
  expect(dot(a, turned)).toBeCloseTo(x * Math.cos(angle) - y * Math.sin(angle), 5);
  expect(dot(b, turned)).toBeCloseTo(x * Math.sin(angle) + y * Math.cos(angle), 5);
  expect(dot(turned, turned)).toBeCloseTo(dot(h, h), 4);
});

test("conditions gate additions: above fires or not, relu in proportion", () => {
  const v = unit();
  const test = vector();
  const h = Array.from(vector());
  const level = dot(test, h);
  const run = (condition: "above" | "relu", threshold: number) => {
    const moved = runCompiled(
      compile([operation({ vectors: v, condition, conditionVector: test, threshold })]),
      [2],
      h,
    );
    return dot(v, moved) - dot(v, h);
  };
  expect(run("above", level - 0.1)).toBeCloseTo(2, 5);
  expect(run("above", level + 0.1)).toBe(0);
  expect(run("relu", level - 0.25)).toBeCloseTo(0.5, 5);
  expect(run("relu", level + 0.25)).toBe(0);
});

test("cap_norm limits the change made before it at its site, and with coefficient 0 it does not", () => {
  const h = Array.from(vector());
  const operations = [
    operation({}),
    operation({ kind: "erase" }),
    operation({ kind: "cap_norm", vectors: new Float32Array(), parameter: 0.1 }),
  ];
  const change = (coefficients: number[]) => {
    const moved = runCompiled(compile(operations), coefficients, h);
    const delta = moved.map((value, i) => value - (h[i] ?? 0));
    return Math.sqrt(dot(delta, delta) / dot(h, h));
  };
  expect(change([50, 1, 1])).toBeCloseTo(0.1, 6);
  expect(change([50, 1, 0])).toBeGreaterThan(1);
});

test("coefficients of zero leave no kernel operation to run", () => {
  const compiled = compile([
    operation({}),
    operation({ kind: "replace", parameter: 3 }),
    operation({ kind: "multiply", parameter: 2 }),
  ]);
  for (const one of compiled.operations) expect(kernelCoefficients(one, [0, 0, 0])).toBeNull();
});

test("a cap over more than one kernel operation can hold is refused when the program is stored, not at every use", () => {
  const cap = operation({ kind: "cap_norm", vectors: new Float32Array(), parameter: 0.1 });
  const additions = (count: number) => Array.from({ length: count }, () => operation({}));
  expect(compile([...additions(256), cap]).operations).toHaveLength(1);
  expect(() => compile([...additions(257), cap])).toThrow(
    expect.objectContaining({ reason: "BACKEND_CAPABILITY", field: "operations[257]" }),
  );
});

test("A10 bad programs are refused by field", () => {
  const nan = unit();
  nan[3] = Number.NaN;
  const cases: [Partial<Operation>, string][] = [
    [{ layer: 4 }, "operations[0].layer"],
    [{ vectors: new Float32Array(5) }, "operations[0].vectors"],
    [{ vectors: nan }, "operations[0].vectors"],
    [{ kind: "erase", vectors: unit().map((value) => value * 2) }, "operations[0].vectors"],
    [{ kind: "erase", condition: "above", conditionVector: unit() }, "operations[0].condition"],
    [{ normPolicy: "cap", cap: 0 }, "operations[0].cap"],
    [{ scope: { kind: "window", first: 4, end: 4 } }, "operations[0].window_end"],
  ];
  for (const [fields, field] of cases) {
    expect(() => compile([operation(fields)])).toThrow(expect.objectContaining({ field }));
  }
});
