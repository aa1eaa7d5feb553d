/** Random requests: whatever comes in, the answer is one of the documented ones, never INTERNAL, and nothing is left behind. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromConnectError } from "#kit/errors.ts";
import { anyFields, anySpec } from "./support/arbitraries.ts";
import { chat } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const SEED = 4_711;
const RUNS = 400;
const stack = createSimulatedStack();

const valid = { model: "simulated", messages: [{ role: "user", content: "hello!" }], max_tokens: 3 };

test(`a random body is answered, or refused with a typed error (seed ${SEED})`, async () => {
  const seen = new Set<number>();
  const path = fc.constantFrom("/v1/chat/completions", "/v1/completions");
  await fc.assert(
    fc.asyncProperty(anyFields, path, async (more, target) => {
      const base = target.includes("chat") ? valid : { model: "simulated", prompt: "hello!", max_tokens: 3 };
      const response = await stack.post(target, { ...base, ...more });
      const text = await response.text();
      seen.add(response.status);
      expect([200, 400, 404]).toContain(response.status);
      if (response.status !== 200) expect(JSON.parse(text).error.code).toMatch(/^[a-z_]+$/);
      expect(text).not.toContain('"code":"internal"');
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect([...seen].sort()).toEqual([200, 400, 404]);
});

test(`random bytes are refused as no JSON (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (body) => {
      expect((await stack.post("/v1/chat/completions", "", { body })).status).toBe(400);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test(`a random message is answered, or refused with a reason that is not INTERNAL (seed ${SEED})`, async () => {
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anySpec, async (more) => {
      const outcome = await stack.client.complete(chat("hello!", more)).then(
        () => "ok",
        (error: unknown) => fromConnectError(error).reason,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(outcome).not.toBe("INTERNAL");
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(outcomes.get("ok")).toBeGreaterThan(0);
  expect(outcomes.size).toBeGreaterThan(4);
});

test("after all this nothing is left, and the next request is served", async () => {
  expect([...stack.forward.alive]).toEqual([]);
  expect(stack.gateway.running()).toBe(0);
  expect((await stack.client.complete(chat("hello"))).choices[0]?.text).toBe("Sure, I help.");
});
