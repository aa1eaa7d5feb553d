/**
 * Plain and entropic particle filtering under a verifier that is over-confident in its first two steps, on simulated chains
 * with known values; both resample systematically. The curve is printed; what docs/scaling-results.md shows of it is kept
 * with the results of evaluations, and is what is printed here.
 */
import { expect, test } from "bun:test";
import { KEPT, type KeptTable, readKept } from "../../../eval/src/results/kept.ts";
import { createChain } from "./support/chains.ts";
import { accuracy, type Ran } from "./support/run.ts";

const PROBLEMS = 200;
const TIMEOUT_MS = 240_000;
const NOISE = 1.5;
const EARLY_STEPS = 2;
const PARTICLES = [4, 8, 16];
const OVERCONFIDENCE = [1, 2, 4, 8];
/** The over-confidence that the page shows, and how far its numbers may be from those of another processor. */
const SHOWN = 4;
const ROUNDING = 0.02;
const CHAINS = [
  { name: "three steps, right with 0.5 each", chain: createChain([0.5, 0.5, 0.5], 8, 6) },
  { name: "four steps, right with 0.4 each", chain: createChain([0.4, 0.4, 0.4, 0.4], 8, 6) },
];

/** What the page shows: chain, particles, accuracies and beginnings left of both. */
const shown: string[][] = [];

/** Different beginnings, as long as verdicts are over-confident, among the particles that are left. */
function beginningsLeft({ result }: Ran): number {
  const left = result.leaves.filter(({ isAlive }) => isAlive);
  return new Set(left.map(({ text }) => text.split("\n").slice(0, EARLY_STEPS).join())).size;
}

async function compare(chain: (typeof CHAINS)[number]["chain"], overconfidence: number, candidates: number) {
  const errors = { overconfidence, noise: NOISE, earlySteps: EARLY_STEPS };
  const options = { errors, candidates, statistic: beginningsLeft };
  const plain = await accuracy("particle-filtering", chain, PROBLEMS, {
    ...options,
    parameters: { resampler: "systematic" },
  });
  const entropic = await accuracy("entropic-particle-filtering", chain, PROBLEMS, {
    ...options,
    parameters: { expected_steps: 6 },
  });
  const spell = (one: typeof plain) => `${one.accuracy.toFixed(2)} / ${one.statistic.toFixed(2)}`;
  console.log(`  ${candidates} particles, ${overconfidence} x: ${spell(plain)}   ${spell(entropic)}`);
  return { overconfidence, candidates, plain, entropic };
}

test.each(CHAINS)(
  "entropic filtering keeps more beginnings: $name",
  async ({ name, chain }) => {
    console.log(`${name} (n = ${PROBLEMS}): accuracy / beginnings left, plain, then entropic`);
    for (const candidates of PARTICLES) {
      for (const overconfidence of OVERCONFIDENCE) {
        const { plain, entropic } = await compare(chain, overconfidence, candidates);
        const kept = entropic.statistic / plain.statistic;
        if (overconfidence === SHOWN) {
          const means = [plain.accuracy, entropic.accuracy, plain.statistic, entropic.statistic];
          shown.push([name, String(candidates), ...means.map((value) => value.toFixed(2))]);
        }
        expect(kept).toBeGreaterThan(0.98);
        if (candidates >= 8 && overconfidence === 4) expect(kept).toBeGreaterThan(1.2);
        // A verifier that errs in over-confidence alone is right on the whole: flattening it costs something.
        expect(entropic.accuracy).toBeGreaterThan(plain.accuracy - 0.15);
      }
    }
  },
  TIMEOUT_MS,
);

test("the page's table of the simulated curve is what is printed here", () => {
  const { rows } = readKept(KEPT, "entropic-simulated") as KeptTable;
  const own = JSON.stringify(shown);
  expect(rows.map(([name, particles]) => [name, particles])).toEqual(shown.map((row) => row.slice(0, 2)));
  for (const [i, row] of rows.entries()) {
    for (const [j, cell] of row.slice(2).entries()) {
      const off = Math.abs(Number(cell) - Number(shown[i]?.[j + 2]));
      expect(off, own).toBeLessThan(ROUNDING);
    }
  }
});
