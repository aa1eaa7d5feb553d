// The number of threads: what is measured decides, bits do not depend on it, and nobody spins when idle.

import { expect, test } from "bun:test";
import { createEngine, type Engine } from "../../../services/forward/src/engine/client.ts";
import { createThreadChoice } from "../../../services/forward/src/engine/thread-choice.ts";
import { generate, open, prompt } from "../../support/forward-engine.ts";
import { idleShare } from "../../support/idle.ts";
import { createRandom, writeSyntheticModel } from "../../support/synthetic-model.ts";

const SEED = 11;
const MOST_IDLE_SHARE = 0.05;

/** Runs `steps` steps of `rows` rows; returns how often each number of threads was used in the last `tail` of them. */
function simulate(
  choice: ReturnType<typeof createThreadChoice>,
  rows: number,
  steps: number,
  tail: number,
  msOf: (threads: number) => number,
): Map<number, number> {
  const random = createRandom(SEED);
  const used = new Map<number, number>();
  for (let i = 0; i < steps; i++) {
    const threads = choice.choose(rows);
    choice.note(msOf(threads) * (1 + 0.05 * random()));
    if (i >= steps - tail) used.set(threads, (used.get(threads) ?? 0) + 1);
  }
  return used;
}

test(`a second thread that hurts is given up, and taken again when it helps (seed ${SEED})`, () => {
  const choice = createThreadChoice(2);
  const helps = (threads: number) => (threads === 2 ? 5 : 8);
  const hurts = (threads: number) => (threads === 2 ? 20 : 8);
  expect(simulate(choice, 1, 600, 500, helps).get(2)).toBeGreaterThan(470);
  expect(simulate(choice, 1, 600, 300, hurts).get(1)).toBeGreaterThan(280);
  expect(simulate(choice, 1, 1_000, 500, helps).get(2)).toBeGreaterThan(470);
});

test(`of sixteen threads the fastest number is found, for decode and prefill apart (seed ${SEED})`, () => {
  const choice = createThreadChoice(16);
  const fewBest = (threads: number) => 10 + Math.abs(threads - 5);
  const manyBest = (threads: number) => 200 / threads;
  const few = simulate(choice, 1, 4_000, 1_000, fewBest);
  const many = simulate(choice, 128, 400, 100, manyBest);
  expect([...few].toSorted((a, b) => b[1] - a[1])[0]?.[0]).toBe(5);
  expect([...many].toSorted((a, b) => b[1] - a[1])[0]?.[0]).toBe(16);
});

test("an engine that chooses its threads answers as one with one thread, and idle uses no processor time", async () => {
  const options = { modelPath: await writeSyntheticModel({ seed: SEED }), contextTokens: 512 };
  const engine = await createEngine(options);
  const single = await createEngine({ ...options, threads: 1 });
  const answer = async (from: Engine): Promise<readonly number[]> => {
    const { sequence } = await open(from, prompt(40));
    const { tokens } = await generate(from, sequence, { maxTokens: 30 });
    return tokens.map(({ id }) => id);
  };
  expect(await answer(engine)).toEqual(await answer(single));
  await single.close();
  const share = await idleShare(MOST_IDLE_SHARE);
  await engine.close();
  expect(share).toBeLessThan(MOST_IDLE_SHARE);
});
