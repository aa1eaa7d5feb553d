/**
 * Random histories of the whole: arrivals, steps, time, clients that leave, messages that get lost, crashes. Each request ends
 * exactly once and in time, no page is lost or meets another tenant, no budget is exceeded, and in the end nothing is left.
 * A failure is shrunk and printed with its seed.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { reportCount } from "../../support/counts.ts";
import { seedOf } from "../../support/seed.ts";
import { type Ends, type Happening, World } from "./world.ts";

setDefaultTimeout(20 * 60_000);
const SEED = seedOf(31);
const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const HISTORIES = isFull ? 400 : 24;
const LENGTH = 500;

const happening: fc.Arbitrary<Happening> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant("arrive" as const) },
    { weight: 30, arbitrary: fc.constant("step" as const) },
    { weight: 6, arbitrary: fc.constant("pass" as const) },
    { weight: 2, arbitrary: fc.constant("leave" as const) },
    { weight: 1, arbitrary: fc.constant("lose" as const) },
    { weight: 1, arbitrary: fc.constant("crash" as const) },
    { weight: 2, arbitrary: fc.constant("hold" as const) },
    { weight: 4, arbitrary: fc.constant("use" as const) },
  ),
  choice: fc.nat(10_000),
});

test(`${HISTORIES} histories of ${LENGTH} events keep every invariant (seed ${SEED})`, async () => {
  let steps = 0;
  const ends: Ends = { answered: 0, refused: 0, left: 0, lost: 0, late: 0 };
  const history = fc.array(happening, { minLength: LENGTH / 2, maxLength: LENGTH, size: "max" });
  await fc.assert(
    fc.asyncProperty(history, async (events) => {
      const world = new World();
      for (const event of events) await world.happen(event);
      await world.finish();
      steps += events.length;
      for (const [how, count] of Object.entries(world.ends)) ends[how as keyof Ends] += count;
    }),
    { seed: SEED, numRuns: HISTORIES },
  );
  reportCount(
    "simulation steps",
    steps,
    `seed ${SEED}, ${Object.entries(ends)
      .map(([how, n]) => `${n} ${how}`)
      .join(", ")}`,
  );
  expect(Object.values(ends).every((count) => count > 0)).toBe(true);
});
