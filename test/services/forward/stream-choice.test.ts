/** The choice of runs of weights: whoever's steps it is made on, the faster number stays. */
import { expect, test } from "bun:test";
import type { BatchRow } from "../../../services/forward/src/engine/step.ts";
import { chooseStreams } from "../../../services/forward/src/engine/stream-choice.ts";

const ROW: BatchRow = {
  id: 1,
  position: 0,
  table: { pages: [0], length: 32 },
  heads: null,
  collector: null,
  onLogits: () => undefined,
};
const MOST_STEPS = 40;

/** A machine on which a step of one row takes `msOf(runs, step)`. */
function machine(msOf: (runs: number, step: number) => number) {
  let nowMs = 0;
  let steps = 0;
  const said: number[] = [];
  const forward = {
    run(batch: readonly BatchRow[]): number {
      nowMs += batch.length === 1 ? msOf(said.at(-1) ?? 8, steps++) : 100;
      return 7;
    },
  };
  const choice = chooseStreams(forward, { useStreams: (count) => void said.push(count) }, () => nowMs);
  return { choice, said };
}

test.each([
  [4, (runs: number) => (runs === 4 ? 7 : 10)],
  [8, (runs: number) => (runs === 4 ? 10 : 7)],
  // Every third step is held up by somebody else.
  [4, (runs: number, step: number) => (runs === 4 ? 7 : 9) * (step % 3 === 0 ? 4 : 1)],
])("%i runs where they are faster", (faster, msOf) => {
  const { choice, said } = machine(msOf);
  for (let step = 0; step < MOST_STEPS && choice.isChoosing; step++) expect(choice.run([ROW])).toBe(7);
  expect(choice.isChoosing).toBe(false);
  expect(said.at(-1)).toBe(faster);
});

test("steps of several rows are not compared; what is chosen stays", () => {
  const { choice, said } = machine((runs) => (runs === 4 ? 7 : 10));
  for (let step = 0; step < MOST_STEPS; step++) choice.run([ROW, ROW]);
  expect(choice.isChoosing).toBe(true);
  expect(said).toEqual([]);
  for (let step = 0; step < MOST_STEPS; step++) {
    choice.run([ROW]);
    choice.run([ROW, ROW]);
  }
  expect(said.at(-1)).toBe(4);
  const count = said.length;
  choice.run([ROW]);
  expect(said.length).toBe(count);
});
