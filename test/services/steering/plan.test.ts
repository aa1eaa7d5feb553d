// From a wish and a gate to coefficients; what cannot be carried out is refused, never left unsteered.
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import type { Direction } from "../../../services/steering/src/direction.ts";
import { decide, resolveIntent } from "../../../services/steering/src/plan.ts";
import { refusedFor } from "../../support/refusal.ts";

const LAYERS = 4;
const direction: Direction = {
  modelDigest: "ab".repeat(32),
  method: "response_contrast",
  layers: LAYERS,
  width: 2,
  raw: new Map([0, 1, 2, 3].map((layer) => [layer, Float32Array.of(3, 4)])),
  medianResidualNorms: Float32Array.of(10, 20, 40, 80),
};
const paperDirection = {
  ...direction,
  method: "output_embedding",
  raw: new Map([0, 1, 2, 3].map((l) => [l, Float32Array.of(1, 0)])),
};
const doses = [
  { layer: 1, relative: 0.1 },
  { layer: 2, relative: 0.2 },
];
const ending = { ...paperDirection, raw: new Map([[3, Float32Array.of(0, 2)]]) };
const course = { start: 3, holdTokens: 12, rest: 0.25, ending: 0.05 };
const recipe = {
  kind: "recipe" as const,
  recipe: { direction, paperDirection, ending, doses, course },
};
const plain = { kind: "direction" as const, direction };
const use = (fields: MessageInitShape<typeof SteeringUseSchema> = {}) => create(SteeringUseSchema, fields);
const dose = (relative: number) => ({ dose: { case: "relative", value: relative } as const });

test("a recipe pushes the last prompt token harder than the first answer tokens, and those harder than the rest", () => {
  const intent = resolveIntent(recipe, use());
  expect(intent.gated).toBe(true);
  expect(intent.replayLast).toBe(true);
  const held = { first: 0, end: 12 };
  const rest = { first: 12, end: 0 };
  expect(intent.additions).toEqual([
    { layer: 1, scope: Scope.LAST, coefficient: 6 },
    { layer: 2, scope: Scope.LAST, coefficient: 24 },
    { layer: 1, scope: Scope.DECODE, span: held, coefficient: 2 },
    { layer: 2, scope: Scope.DECODE, span: held, coefficient: 8 },
    { layer: 1, scope: Scope.DECODE, span: rest, coefficient: 0.5 },
    { layer: 2, scope: Scope.DECODE, span: rest, coefficient: 2 },
    { from: ending, layer: 3, scope: Scope.DECODE, span: rest, coefficient: 4 },
  ]);
  const ends = intent.program?.program.operations.map(({ answerWindow }) => answerWindow?.end ?? -1);
  expect(ends).toEqual([-1, -1, 12, 12, 0, 0, 0]);
  const { coefficients, relativeDoses } = decide(intent, 0.5);
  expect(coefficients).toEqual([3, 12, 1, 4, 0.25, 1, 2]);
  expect([...relativeDoses].map((x) => Math.round(1e6 * x) / 1e6)).toEqual([0, 0.05, 0.1, 0]);
  expect([...intent.weights]).toEqual([0, 0.5, 1, 0]);
  expect(intent.weightsSource).toBe("dose_search");
});

test("a shut gate, a scale of 0 and a dose of 0 name no program", () => {
  expect(decide(resolveIntent(recipe, use()), 0).programDigest).toBe("");
  expect(decide(resolveIntent(recipe, use()), 0.049).programDigest).toBe("");
  for (const fields of [{ scale: 0 }, { dose: dose(0) }]) {
    const intent = resolveIntent(recipe, use(fields));
    expect([intent.program, intent.gated, intent.replayLast]).toEqual([null, false, false]);
    expect(decide(intent, 1)).toMatchObject({ programDigest: "", coefficients: [] });
  }
});

test("scale multiplies the recipe's dose, a dose replaces the largest of it", () => {
  const at = (fields: MessageInitShape<typeof SteeringUseSchema>) =>
    resolveIntent(recipe, use({ scope: Scope.DECODE, ...fields })).additions.map(
      ({ coefficient }) => coefficient,
    );
  expect(at({ scale: -2 })).toEqual([-4, -16, -1, -4]);
  expect(at({ dose: dose(0.4) })).toEqual([4, 16, 1, 4, 4]);
  expect(at({ scale: 0.5 })).toEqual([1, 4, 0.25, 1, 2]);
  expect(at({ layers: [2, 2] })).toEqual([8, 2]);
});

test("paper mode: all blocks, weight ½, α 2, first token unsteered", () => {
  const intent = resolveIntent(recipe, use({ mode: "paper" }));
  expect(intent.additions).toEqual(
    [0, 1, 2, 3].map((layer) => ({ layer, scope: Scope.DECODE, coefficient: 1 })),
  );
  expect([intent.weightsSource, intent.replayLast, intent.gated]).toEqual(["paper", false, true]);
  const replayed = resolveIntent(recipe, use({ mode: "paper_replayed" }));
  expect([replayed.additions.length, replayed.replayLast]).toEqual([LAYERS, true]);
});

test("a stored direction acts without a controller: raw at scale 1, as other programs apply it", () => {
  const intent = resolveIntent(plain, use({ scale: 1 }));
  expect(intent.additions.map(({ coefficient }) => coefficient)).toEqual([5, 5, 5, 5]);
  expect([intent.gated, intent.fixedGate]).toEqual([false, 1]);
  expect(
    resolveIntent(plain, use({ dose: dose(0.5) })).additions.map(({ coefficient }) => coefficient),
  ).toEqual([5, 10, 20, 40]);
});

test("a forced gate replaces the controller", () => {
  const intent = resolveIntent(recipe, use({ forceGate: 0.25 }));
  expect([intent.gated, intent.fixedGate]).toEqual([false, 0.25]);
});

test("the program of a wish has one name, whatever the strength", () => {
  const digest = (fields: MessageInitShape<typeof SteeringUseSchema>) =>
    resolveIntent(recipe, use(fields)).program?.digest;
  expect(digest({})).toBe(digest({ scale: 2 }) as string);
  expect(digest({})).not.toBe(digest({ layers: [1] }) as string);
  expect(digest({})).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test("A10 wishes that cannot be carried out are refused by name", () => {
  const bad: [typeof recipe | typeof plain, MessageInitShape<typeof SteeringUseSchema>, string][] = [
    [recipe, { scale: 5 }, "FIELD_OUT_OF_RANGE"],
    [recipe, { scale: Number.NaN }, "NON_FINITE"],
    [recipe, { dose: dose(Number.POSITIVE_INFINITY) }, "NON_FINITE"],
    [recipe, { dose: dose(5) }, "FIELD_OUT_OF_RANGE"],
    [recipe, { dose: dose(-1) }, "FIELD_OUT_OF_RANGE"],
    [recipe, { dose: {} }, "FIELD_REQUIRED"],
    [recipe, { scale: 1, dose: dose(0.1) }, "INVALID_ARGUMENT"],
    [recipe, { layers: [4] }, "FIELD_OUT_OF_RANGE"],
    [recipe, { scope: Scope.WINDOW }, "FIELD_OUT_OF_RANGE"],
    [recipe, { mode: "hard" }, "INVALID_ARGUMENT"],
    [recipe, { mode: "paper", dose: dose(0.1) }, "INVALID_ARGUMENT"],
    [recipe, { forceGate: 1.5 }, "FIELD_OUT_OF_RANGE"],
    [plain, {}, "FIELD_REQUIRED"],
    [plain, { scale: 1, forceGate: 1 }, "INVALID_ARGUMENT"],
    [plain, { scale: 1, mode: "paper" }, "INVALID_ARGUMENT"],
  ];
  for (const [source, fields, expected] of bad)
    expect(refusedFor(() => resolveIntent(source, use(fields)))).toBe(expected);
});

test("A11 a gate that is no gate is an error, not an unsteered answer", () => {
  const intent = resolveIntent(recipe, use());
  for (const gate of [Number.NaN, -0.1, 1.1])
    expect(refusedFor(() => decide(intent, gate))).toBe("ARTIFACT_INVALID");
});
