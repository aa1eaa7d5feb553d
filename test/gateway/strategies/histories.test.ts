/**
 * Random searches under random misfortune, through the whole gateway: every strategy, clients that leave, engines and
 * verifiers that fail anywhere. Each has exactly one end, bills what the engine made, keeps its budget, shows one text, and
 * leaves nothing behind.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { reportCount } from "../../support/counts.ts";
import { seedOf } from "../../support/seed.ts";
import { type History, history, isUndisturbed } from "./support/histories.ts";
import { happen, type Told } from "./support/history-world.ts";

setDefaultTimeout(20 * 60_000);
const SEED = seedOf(31);
const IS_FULL = process.env["TRIMTAB_TEST_FULL"] === "1";
const HISTORIES = IS_FULL ? 1_200 : 160;
/** Most of a simulated search is waiting for turns of the event loop: so many at once. */
const LANES = 8;

test(`${HISTORIES} searches under random misfortune keep every promise (seed ${SEED})`, async () => {
  const ends = new Map<string, number>();
  await assertInLanes(history, HISTORIES, async (one) => {
    const { end } = await happen(one);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  });
  const told = [...ends].map(([how, count]) => `${count} ${how}`).join(", ");
  reportCount("searches under random misfortune", HISTORIES, `seed ${SEED}, ${told}`);
  for (const how of ["COMPLETE", "BUDGET", "CANCELLED", "SERVICE_UNAVAILABLE"])
    expect(ends.get(how)).toBeGreaterThan(0);
});

test("a search that nothing disturbs from outside is told twice in the same words", async () => {
  const words = ({ end, events, text }: Told) => ({ end, events, text });
  await assertInLanes(history.filter(isUndisturbed), HISTORIES / 8, async (one) => {
    expect(words(await happen(one))).toEqual(words(await happen(one)));
  });
});

async function assertInLanes(
  drawn: fc.Arbitrary<History>,
  runs: number,
  property: (one: History) => Promise<void>,
): Promise<void> {
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    fc.assert(fc.asyncProperty(drawn, property), { seed: SEED + lane, numRuns: Math.ceil(runs / LANES) }),
  );
  await Promise.all(lanes);
}
