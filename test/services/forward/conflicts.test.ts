/** Operations that meet at one site and block: what each rule makes of them, and whose they are. */
import { expect, test } from "bun:test";
import { compileProgram } from "../../../services/forward/src/programs/compile.ts";
import type { ConflictRule, Operation } from "../../../services/forward/src/programs/program.ts";
import { dot, operation, runCompiled, SHAPE, unit, vector } from "../../support/program-reference.ts";
import { refusalOf } from "../../support/refusal.ts";

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5);
}

const compile = (operations: Operation[], conflict: ConflictRule) =>
  compileProgram({ operations, conflict }, SHAPE);

test("conflict rules: sum adds, priority keeps the highest, orthogonalize removes the shared part, error refuses", () => {
  const v = unit();
  const w = unit();
  const low = operation({ vectors: v, priority: 1 });
  const high = operation({ vectors: w, priority: 2 });
  const h = Array.from(vector());
  const delta = (rule: "sum" | "priority" | "orthogonalize") =>
    runCompiled(compile([low, high], rule), [1, 1], h).map((value, i) => value - (h[i] ?? 0));
  expectClose(
    delta("sum"),
    Array.from(v, (value, i) => value + (w[i] ?? 0)),
  );
  expectClose(delta("priority"), Array.from(w));
  const shared = dot(v, w);
  expectClose(
    delta("orthogonalize"),
    Array.from(w, (value, i) => value + (v[i] ?? 0) - shared * value),
  );
  expect(() => compile([low, high], "error")).toThrow("several operations");
  const apart = operation({ scope: { kind: "prompt" } });
  expect(compile([operation({ scope: { kind: "decode" } }), apart], "error").operations).toHaveLength(2);
});

test("operations of one part act together whatever the rule, and conflict with those of others", () => {
  const [v, w, h] = [unit(), unit(), Array.from(vector())];
  const own = [v, v].map((vectors) => operation({ vectors, part: 1 }));
  const twice = Array.from(v, (value, i) => 2 * value + (h[i] ?? 0));
  for (const rule of ["priority", "orthogonalize", "error"] as const)
    expectClose(runCompiled(compile(own, rule), [1, 1], h), twice);
  const other = operation({ vectors: w, part: 2, priority: 1 });
  expect(() => compile([...own, other], "error")).toThrow("several operations");
  const high = Array.from(w, (value, i) => value + (h[i] ?? 0));
  expectClose(runCompiled(compile([...own, other], "priority"), [1, 1, 1], h), high);
});

test("as many operations as a composition has are made orthogonal; more than half a second takes are refused by name", () => {
  const width = 576;
  const shape = { ...SHAPE, layers: 30, width, headsWidth: width };
  const many = (count: number, layers: number): Operation[] =>
    Array.from({ length: count }, (_, at) => {
      const vectors = Float32Array.from({ length: width }, (_, i) => Math.sin((at + 1) * (i + 1)));
      return operation({ vectors, layer: at % layers, part: 1 + (at % 8) });
    });
  const conflict = "orthogonalize";
  expect(compileProgram({ operations: many(8 * 30, 30), conflict }, shape).operations).not.toEqual([]);
  expect(refusalOf(() => compileProgram({ operations: many(1_024, 1), conflict }, shape))).toMatchObject({
    reason: "TOO_LARGE",
    field: "operations",
  });
});
