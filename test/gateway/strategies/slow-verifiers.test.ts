/** Searches whose verifiers take too long: what is waited for, and what becomes of the rest. */
import { expect, test } from "bun:test";
import { createPatience } from "../../../gateway/src/flow/search/verdict-time.ts";
import { SCALING_LIMITS } from "../../../gateway/src/limits.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

test("a verifier that never answers leaves a lenient search time to answer before the deadline", async () => {
  const stack = answering(["one two three four"]);
  stack.verifier.before = () => new Promise(() => undefined);
  const step = { rule: { case: "tokens" as const, value: 9 } };
  const scaling = {
    ...{ strategy: "particle-filtering", budget: { candidates: 2 }, verifier: { name: "steps" } },
    ...{ step, degraded: 2 },
  };
  const { search, choices } = await stack.client.complete(chat("hello", { scaling }), { timeoutMs: 3_000 });
  expect(choices[0]?.text).toBe("one two three four");
  expect(search?.degraded).toBe(true);
});

test("verdicts are waited for while it is worth it: hardly once they have not come, never past the time there is", () => {
  let elapsed = 0;
  const watch = { elapsedMs: () => elapsed };
  const { verdictMs, degradableVerdictMs, lateVerdictMs } = SCALING_LIMITS;
  const budget = { tokens: Infinity, candidates: 1, milliseconds: 30_000 };
  const lenient = createPatience({ scaling: { budget, isStrict: false }, scope: {}, watch });
  expect(lenient.begin()()).toBe(degradableVerdictMs);
  lenient.lose();
  expect(lenient.begin()()).toBe(lateVerdictMs);
  const scope = { timeoutMs: 25_000 };
  const bounded = createPatience({ scaling: { budget, isStrict: false }, scope, watch }).begin();
  expect(bounded()).toBe(12_500);
  const strict = createPatience({ scaling: { budget, isStrict: true }, scope, watch });
  strict.lose();
  const leftOfBatch = strict.begin();
  expect(leftOfBatch()).toBe(30_000 + lateVerdictMs);
  elapsed = 24_000;
  expect([bounded(), leftOfBatch()]).toEqual([500, 6_000 + lateVerdictMs]);
  // However many calls a batch takes, it has a second more; so has the next one.
  elapsed = 31_600;
  expect([leftOfBatch(), strict.begin()()]).toEqual([0, lateVerdictMs]);
  const unbounded = { budget: { ...budget, milliseconds: Infinity }, isStrict: true };
  expect(createPatience({ scaling: unbounded, scope: {}, watch }).begin()()).toBe(verdictMs);
});

test("candidates are judged so many a call: what is slow then takes no verdicts from the others", async () => {
  const texts = Array.from({ length: 20 }, (_, index) => `${"one ".repeat(index % 5)}end`);
  const stack = answering(texts);
  const asked: number[] = [];
  stack.verifier.before = ({ items }) => {
    asked.push(items.length);
    return asked.length === 1 ? undefined : new Promise(() => undefined);
  };
  const budget = { candidates: 20 };
  const scaling = { strategy: "best-of-n", budget, verifier: { name: "words" }, degraded: 2 };
  const { search } = await stack.client.complete(chat("hello", { scaling }), { timeoutMs: 3_000 });
  expect(asked).toEqual([SCALING_LIMITS.judgedAtOnce, 4]);
  expect(search?.degraded).toBe(true);
  const scores = search?.candidates.map(({ score }) => score) ?? [];
  expect(scores.slice(0, 16)).toEqual(texts.slice(0, 16).map((text) => text.split(" ").length / 10));
  expect(new Set(scores.slice(16)).size).toBe(1);
});
