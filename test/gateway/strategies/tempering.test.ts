/** Neighbouring chains swap trajectories by the densities that their particles are weighed by. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

const RUNS = 600;
const HOTTEST = 100;
const SCORES = { a: 0.9, b: 0.5 } as const;
const coin: SimulatedModel = {
  next: (text) =>
    text === ""
      ? [
          { text: "a", p: 0.5 },
          { text: "b", p: 0.5 },
        ]
      : [],
};

/** How often the cold one of two chains of two particles ends in "a", after one sweep and one swap. */
function expected(densityOf: (score: number) => number): number {
  const gap = densityOf(SCORES.a) - densityOf(SCORES.b);
  const drawn = (beta: number) => 0.25 + 0.5 / (1 + Math.exp(-beta * gap));
  const [cold, hot] = [drawn(1), drawn(1 / HOTTEST)];
  const worsens = Math.exp((1 / HOTTEST - 1) * gap);
  return hot + cold * (1 - hot) * (1 - worsens);
}

test.each([
  ["invariant", (score: number) => Math.log(score)],
  ["as_published", (score: number) => Math.log(score / (1 - score))],
] as const)("%s: chains swap by the log-density of their potentials", async (potentials, densityOf) => {
  const parameters = { chains: 2, hottest: HOTTEST, sweeps: 1, horizon: 1, choose: "sample", potentials };
  let count = 0;
  for (let seed = 1n; seed <= RUNS; seed++) {
    const world = createSimulatedWorld(coin, (text) => SCORES[text as "a" | "b"], seed << 24n);
    const { chosen } = await run("parallel-tempering", world, { candidates: 4, seed, parameters });
    if (chosen === "a") count++;
  }
  const p = expected(densityOf);
  expect(Math.abs(count / RUNS - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / RUNS));
});
