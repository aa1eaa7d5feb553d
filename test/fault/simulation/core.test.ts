/**
 * Random histories of the engine core with little memory: opens, held back or not, branches, generations, drafts, pauses, clients that
 * leave at any moment.
 * No step ever fails, every call has exactly one end, rows read their own text only, and in the end every page is back.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { reportCount } from "../../support/counts.ts";
import { seedOf } from "../../support/seed.ts";
import { type CoreHappening, CoreWorld } from "./core-world.ts";

setDefaultTimeout(20 * 60_000);
const SEED = seedOf(31);
const HISTORIES = process.env["TRIMTAB_TEST_FULL"] === "1" ? 1_500 : 100;
const LENGTH = 400;

const WEIGHTS: Record<CoreHappening["kind"], number> = {
  ...{ open: 5, extend: 2, generate: 6, fork: 2, truncate: 1 },
  ...{ release: 4, stop: 1, steer: 1, hold: 2, step: 30, pass: 3 },
};
const happening: fc.Arbitrary<CoreHappening> = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
      weight,
      arbitrary: fc.constant(kind as CoreHappening["kind"]),
    })),
  ),
  choice: fc.nat(10_000),
  size: fc.nat(140),
});

test(`${HISTORIES} histories of the engine core keep every invariant (seed ${SEED})`, () => {
  let steps = 0;
  const ends = new Map<string, number>();
  const history = fc.array(happening, { minLength: LENGTH / 2, maxLength: LENGTH, size: "max" });
  fc.assert(
    fc.property(history, (events) => {
      const world = new CoreWorld();
      for (const event of events) world.happen(event);
      world.finish();
      steps += world.steps;
      for (const [how, count] of world.ends) ends.set(how, (ends.get(how) ?? 0) + count);
    }),
    { seed: SEED, numRuns: HISTORIES },
  );
  const told = [...ends].map(([how, count]) => `${count} ${how}`).join(", ");
  reportCount("simulation steps of the engine core", steps, `seed ${SEED}, ${told}`);
  for (const how of ["done", "OUT_OF_MEMORY", "CANCELLED", "DEADLINE_EXCEEDED"])
    expect(ends.get(how)).toBeGreaterThan(0);
});
