/** Several uses as one program: conflict rules, choice, decay, caps; on the real engine with the synthetic model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ConflictRule, NormPolicy, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { fitTwoDirections, type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

type Use = MessageInitShape<typeof SteeringUseSchema>;
const BAD = "do bad thing number 300";
const relative = (value: number) => ({ dose: { case: "relative", value } as const });
const near = (values: readonly number[]) => values.map((value) => Math.round(1e4 * value) / 1e4);
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await fitTwoDirections(stack);
  await stack.fit({ name: "conditional", method: "cast" });
});
afterAll(() => stack.close());

const at = (direction: string, dose: number, more: Use = {}): Use => ({
  direction,
  dose: relative(dose),
  layers: [2],
  ...(more as object),
});
const rowUnder = (use: Use) => stack.row(BAD, Site.RESIDUAL, 2, use);
const minus = (a: Float32Array, b: Float32Array) => a.map((x, i) => x - (b[i] as number));
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

test("the sum of parts adds all, priority keeps one, orthogonal parts do not share a direction", async () => {
  const base = await stack.row(BAD, Site.RESIDUAL, 2);
  const change = async (use: Use) => minus(await rowUnder(use), base);
  const [first, second] = [await change(at("mean", 0.2)), await change(at("noise", 0.2))];
  const parts = [at("mean", 0.2, { priority: 1 }), at("noise", 0.2)];
  const sum = await change({ parts });
  sum.forEach((value, i) => expect(value).toBeCloseTo((first[i] as number) + (second[i] as number), 3));
  const kept = await change({ parts, conflictRule: ConflictRule.PRIORITY });
  kept.forEach((value, i) => expect(value).toBeCloseTo(first[i] as number, 3));
  const apart = minus(await change({ parts, conflictRule: ConflictRule.ORTHOGONALIZE }), first);
  expect(Math.abs(cosine(apart, first))).toBeLessThan(1e-2);
  expect(await reasonOf(stack.row(BAD, Site.RESIDUAL, 2, { parts, conflictRule: ConflictRule.ERROR }))).toBe(
    "INVALID_ARGUMENT",
  );
});

test("of parts that exclude each other the one with the largest gate acts; the report tells of all", async () => {
  const parts: Use[] = [{ direction: "conditional" }, at("noise", 0.2)].map((part) => part);
  const plan = (prompt: string, more: Use = {}) =>
    stack.plan(prompt, { parts, exclusive: true, ...(more as object) });
  const bad = await plan(BAD);
  expect([bad.report?.gate, bad.report?.rule]).toEqual([1, "condition"]);
  expect(bad.report?.parts.map(({ gate }) => gate)).toEqual([1, 1]);
  const kind = await plan("do kind thing number 300");
  expect(kind.report?.parts.map(({ gate }) => gate)).toEqual([0, 1]);
  expect(kind.report?.resolved).toStartWith("noise@");
  const { resolvedParts } = await stack.client.getRequirements({
    modelDigest: stack.modelDigest,
    steering: { parts },
  });
  expect(resolvedParts.map((each) => each.split("@")[0])).toEqual(["conditional", "noise"]);
});

test("a scale of the whole multiplies its parts, and 0 is no program", async () => {
  const parts = [at("mean", 0.2), { direction: "noise", scale: 0.5, layers: [2] }];
  const coefficients = async (scale?: number) =>
    (await stack.plan(BAD, { parts, ...(scale === undefined ? {} : { scale }) })).program?.coefficients ?? [];
  const whole = await coefficients();
  expect(near(await coefficients(0.5))).toEqual(near(whole.map((c) => c / 2)));
  expect(await coefficients(0)).toEqual([]);
});

test("a push that decays has the mean of its powers in windows that double", async () => {
  const { program } = await stack.plan(BAD, at("mean", 0.2, { decay: 0.5 }));
  const { program: stored } = await stack.client.getProgram({ programDigest: program?.programDigest ?? "" });
  const whole = (await stack.plan(BAD, at("mean", 0.2))).program?.coefficients[0] ?? 0;
  expect(stored?.operations.map(({ scope, answerWindow: w }) => [scope, w?.first, w?.end])).toEqual([
    [Scope.LAST, undefined, undefined],
    [Scope.DECODE, 0, 1],
    [Scope.DECODE, 1, 2],
    [Scope.DECODE, 2, 4],
    [Scope.DECODE, 4, 8],
  ]);
  const powers = [1, 1, 0.5, (0.25 + 0.125) / 2, (0.5 ** 4 + 0.5 ** 5 + 0.5 ** 6 + 0.5 ** 7) / 4];
  expect(near(program?.coefficients.map((c) => c / whole) ?? [])).toEqual(near(powers));
});

test("a dose beyond the cap is refused, unless it is to be clamped: then rows move no further than the cap", async () => {
  const beyond = at("mean", 0.5, { cap: 0.25 });
  expect(await reasonOf(stack.plan(BAD, beyond))).toBe("FIELD_OUT_OF_RANGE");
  expect(await reasonOf(stack.plan(BAD, { parts: [at("mean", 0.2), at("noise", 0.2)], cap: 0.3 }))).toBe(
    "FIELD_OUT_OF_RANGE",
  );
  const clamped = { ...(beyond as object), clamp: true } as Use;
  const { program } = await stack.plan(BAD, clamped);
  const { program: stored } = await stack.client.getProgram({ programDigest: program?.programDigest ?? "" });
  expect(stored?.operations.map(({ normPolicy, cap }) => [normPolicy, cap])).toEqual([
    [NormPolicy.CAP, 0.25],
  ]);
  const base = await stack.row(BAD, Site.RESIDUAL, 2);
  const moved = minus(await rowUnder(clamped), base);
  expect(Math.sqrt(dot(moved, moved) / dot(base, base))).toBeLessThan(0.25 + 1e-4);
});

test("compositions that make no sense are refused by field", async () => {
  const plan = (use: Use) => reasonOf(stack.plan(BAD, use));
  const part = at("mean", 0.2);
  expect(await plan({ parts: [part], direction: "noise" })).toBe("INVALID_ARGUMENT");
  expect(await plan({ parts: [{ parts: [part] }] })).toBe("INVALID_ARGUMENT");
  expect(await plan({ parts: Array.from({ length: 9 }, () => part) })).toBe("TOO_LARGE");
  expect(await plan({ parts: [part, { direction: "none", scale: 1 }] })).toBe("ARTIFACT_NOT_FOUND");
  expect(await plan(at("mean", 0.2, { decay: 0 }))).toBe("FIELD_OUT_OF_RANGE");
  expect(await plan(at("mean", 0.2, { cap: 9 }))).toBe("FIELD_OUT_OF_RANGE");
});
