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
  expect(lenient.next()).toBe(degradableVerdictMs);
  lenient.lose();
  expect(lenient.next()).toBe(lateVerdictMs);
  const scope = { timeoutMs: 25_000 };
  const bounded = createPatience({ scaling: { budget, isStrict: false }, scope, watch });
  expect(bounded.next()).toBe(12_500);
  const strict = createPatience({ scaling: { budget, isStrict: true }, scope, watch });
  strict.lose();
  expect(strict.next()).toBe(30_000 + lateVerdictMs);
  elapsed = 24_000;
  expect([bounded.next(), strict.next()]).toEqual([500, 6_000 + lateVerdictMs]);
  const unbounded = { budget: { ...budget, milliseconds: Infinity }, isStrict: true };
  expect(createPatience({ scaling: unbounded, scope: {}, watch }).next()).toBe(verdictMs);
});
