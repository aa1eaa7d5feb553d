/** A scope that a request gives an edit moves its operations and makes none of them act twice. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { EditSchema, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { editIntent } from "../../../services/steering/src/plan-edit.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

const BAD = "do bad thing number 300";
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await stack.fit({ name: "conditional", method: "cast" });
});
afterAll(() => stack.close());

async function planned(scope?: Scope): Promise<[scope: Scope, coefficient: number][]> {
  const { program } = await stack.plan(BAD, {
    direction: "conditional",
    layers: [2],
    ...(scope === undefined ? {} : { scope }),
  });
  const { program: stored } = await stack.client.getProgram({ programDigest: program?.programDigest ?? "" });
  return (stored?.operations ?? []).map((operation, slot) => [
    operation.scope,
    program?.coefficients[slot] ?? 0,
  ]);
}

test("CAST acts on all tokens; narrowed by a scope it pushes each of them by as much, not by twice as much", async () => {
  const whole = await planned();
  const dose = whole[0]?.[1] as number;
  expect(dose).toBeGreaterThan(0);
  expect(whole).toEqual([
    [Scope.PROMPT, dose],
    [Scope.DECODE, dose],
  ]);
  for (const scope of [Scope.PROMPT, Scope.LAST, Scope.DECODE])
    expect(await planned(scope)).toEqual([[scope, dose]]);
});

const vectors = { shape: [1, 2], data: new Uint8Array(8) };
const other = { shape: [1, 2], data: new Uint8Array(8).fill(1) };
const at = (scope: Scope, window?: { first: number; end: number }, row = vectors) => ({
  ...{ site: Site.RESIDUAL, layer: 1, kind: OperationKind.ADD, vectors: row, scope },
  ...(window && { answerWindow: window }),
});
/** Coefficients 1, 2, 3, … in the order of the operations. */
function moved(operations: ReturnType<typeof at>[], scope: Scope) {
  const strengths = operations.map((_, index) => ({ coefficient: index + 1 }));
  const edit = create(EditSchema, { layers: 4, program: { operations }, strengths });
  const { program, additions } = editIntent(edit, create(SteeringUseSchema, { scope }), 1);
  return (program?.program.operations ?? []).map((operation, slot) => [
    operation.scope,
    operation.answerWindow?.first,
    additions[slot]?.coefficient,
  ]);
}

test("of operations that differ in their positions alone those act that did there, and else the first", () => {
  const course = [
    at(Scope.LAST),
    at(Scope.DECODE, { first: 0, end: 8 }),
    at(Scope.DECODE, { first: 8, end: 0 }),
  ];
  expect(moved(course, Scope.LAST)).toEqual([[Scope.LAST, undefined, 1]]);
  expect(moved(course, Scope.DECODE)).toEqual([
    [Scope.DECODE, 0, 2],
    [Scope.DECODE, 8, 3],
  ]);
  expect(moved(course, Scope.PROMPT)).toEqual([[Scope.PROMPT, undefined, 1]]);
  expect(moved([at(Scope.UNSPECIFIED)], Scope.DECODE)).toEqual([[Scope.DECODE, undefined, 1]]);
  expect(moved([at(Scope.DECODE)], Scope.PROMPT)).toEqual([[Scope.PROMPT, undefined, 1]]);
});

test("what acts together stays together: the same operation twice, and operations of other vectors", () => {
  expect(moved([at(Scope.DECODE), at(Scope.DECODE)], Scope.LAST)).toHaveLength(2);
  expect(moved([at(Scope.PROMPT), at(Scope.DECODE, undefined, other)], Scope.LAST)).toHaveLength(2);
});
