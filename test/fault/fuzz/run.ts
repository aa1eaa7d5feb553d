/** The run of a target: its corpus, then random inputs; what must hold of all of them is checked, and counted for the table. */
import { expect } from "bun:test";
import { createRandom } from "../../model/strings.ts";
import { reportCount } from "../../support/counts.ts";
import { seedOf } from "../../support/seed.ts";
import { type Target, tryInput } from "./target.ts";

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
/** Of everything that is fuzzed. */
export const SEED = seedOf(4, "TRIMTAB_FUZZ_SEED");
const LEAST_PAST = 0.3;

/** Reads the inputs of a target. A failure prints its seed and its input. */
export async function fuzz<Input>(target: Target<Input>): Promise<void> {
  const cases = target.cases[isFull ? 1 : 0];
  const reached = new Map<string, number>();
  let past = 0;
  const count = (reason: string): void => void reached.set(reason, (reached.get(reason) ?? 0) + 1);
  for (const input of target.corpus) count((await tryInput(target, input)).reason);
  for (let i = 0; i < cases; i++) {
    const outcome = await tryInput(target, target.make(createRandom(SEED * 1_000_003 + i)));
    count(outcome.reason);
    if (outcome.isPast) past++;
  }
  const share = `${((past / cases) * 100).toFixed(1)} % past the first check`;
  reportCount(
    `fuzz cases of ${target.name}`,
    cases,
    `${share}; ${[...reached].map(([r, n]) => `${r} ${n}`).join(", ")}`,
  );
  expect(past / cases).toBeGreaterThanOrEqual(LEAST_PAST);
  expect(reached.get("ok")).toBeGreaterThan(0);
  expect(target.reasons.filter((reason) => !reached.has(reason))).toEqual([]);
}
