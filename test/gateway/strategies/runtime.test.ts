/** Promises of the runtime that hold for every strategy there is, under random problems, budgets and seeds. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { STRATEGIES } from "../../../gateway/src/strategies/registry.ts";
import { createChain, createChainVerifier } from "./support/chains.ts";
import { type Ran, run } from "./support/run.ts";
import { createSimulatedWorld } from "./support/simulated-world.ts";

const PROPERTY_SEED = 20_261_126;

const setting = fc.record({
  steps: fc.array(fc.constantFrom(0.2, 0.5, 0.9), { minLength: 1, maxLength: 5 }),
  noise: fc.constantFrom(0, 1, 4),
  candidates: fc.integer({ min: 1, max: 9 }),
  tokens: fc.oneof(fc.integer({ min: 9, max: 80 }), fc.constant(Infinity)),
  seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

function search(strategy: string, { steps, noise, seed, ...budget }: Setting) {
  const chain = createChain(steps);
  const world = createSimulatedWorld(chain, createChainVerifier(chain, { noise }, seed), seed);
  return { world, ran: run(strategy, world, { ...budget, seed }) };
}

function check(property: (one: Setting) => Promise<void>, runs = 40): Promise<void> {
  return fc.assert(fc.asyncProperty(setting, property), { seed: PROPERTY_SEED, numRuns: runs });
}

test.each(STRATEGIES.map(({ name }) => name))(
  "%s keeps every budget and answers with what it streamed",
  (strategy) =>
    check(async (one) => {
      const { world, ran } = search(strategy, one);
      const { result, text, chosen } = await ran;
      expect(result.ledger.spent.generated).toBeLessThanOrEqual(one.tokens);
      expect(world.batches.widest).toBeLessThanOrEqual(one.candidates);
      expect(text).toBe(chosen);
      if (result.isSpent) expect(one.tokens).toBeLessThan(Infinity);
    }),
);

test.each(STRATEGIES.map(({ name }) => name))("%s repeats itself from its seed, event by event", (strategy) =>
  check(async (one) => {
    const told = ({ events, text }: Ran) => ({ events, text });
    expect(told(await search(strategy, one).ran)).toEqual(told(await search(strategy, one).ran));
  }, 10),
);

test("what was given up is released, and only what was not given up is held at the end", () =>
  check(async (one) => {
    const { world, ran } = search("particle-filtering", one);
    const { result } = await ran;
    const kept = result.leaves.filter(({ isAlive }) => isAlive).map(({ id }) => id);
    expect([...world.alive].toSorted((a, b) => a - b)).toEqual(kept.toSorted((a, b) => a - b));
  }));

test("when the time is up nothing grows any more and the best there is comes back", async () => {
  const chain = createChain([0.5, 0.5, 0.5]);
  const world = createSimulatedWorld(chain, chain.value, 1n);
  const time = new AbortController();
  let steps = 0;
  const ran = await run("beam", world, {
    timeUp: time.signal,
    onEvent: (event) => {
      if (event.case === "step" && ++steps === 8) time.abort();
    },
  });
  expect(ran.result.isSpent).toBe(true);
  expect(ran.chosen.split("\n").length).toBe(2);
});

test("C7 a strict search fails with the verifier's failure; another takes the mean of the other scores", async () => {
  const chain = createChain([0.5]);
  const judge = (text: string) => (text.includes("wrong") ? "DEADLINE_EXCEEDED" : 0.8);
  const strict = run("best-of-n", createSimulatedWorld(chain, judge, 5n)).catch((error: unknown) => error);
  expect(await strict).toMatchObject({ reason: "SERVICE_UNAVAILABLE", field: "scaling.verifier" });
  const { result } = await run("best-of-n", createSimulatedWorld(chain, judge, 5n), { strict: false });
  expect(result.isDegraded).toBe(true);
  expect(new Set(result.leaves.map(({ judged }) => judged.get("outcome")?.score))).toEqual(new Set([0.8]));
});
