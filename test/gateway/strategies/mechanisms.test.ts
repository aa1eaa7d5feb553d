/**
 * What step searches are for, on simulated problems with known answers. Every one of these would fail if the strategy were
 * best-of-n. Seeds are those of the problems, 1 and up.
 */
import { expect, test } from "bun:test";
import { createChain } from "./support/chains.ts";
import { accuracy } from "./support/run.ts";

const PROBLEMS = 80;
const TIMEOUT_MS = 240_000;
/** Right with probability 1/32: samples alone are hopeless, prefixes can be told apart. */
const HARD = createChain([0.5, 0.5, 0.5, 0.5, 0.5]);

test(
  "step search under an exact process value finds what best-of-n does not, at equal tokens",
  async () => {
    const samples = await accuracy("best-of-n", HARD, PROBLEMS);
    expect(samples.accuracy).toBeLessThan(0.35);
    for (const strategy of ["beam", "dvts", "particle-filtering", "entropic-particle-filtering"]) {
      const searched = await accuracy(strategy, HARD, PROBLEMS);
      expect(`${strategy} ${searched.accuracy > samples.accuracy + 0.4}`).toBe(`${strategy} true`);
      expect(searched.tokens).toBe(samples.tokens);
    }
  },
  TIMEOUT_MS,
);

test("greedy takes the likeliest step every time, which sampling does not", async () => {
  const { accuracy: share, tokens } = await accuracy("greedy", HARD, 20);
  expect([share, tokens]).toEqual([1, 6]);
});

test(
  "the filter as printed hardly selects: its weights differ by a factor of e at most",
  async () => {
    const coded = await accuracy("particle-filtering", HARD, PROBLEMS);
    const printed = await accuracy("particle-filtering", HARD, PROBLEMS, {
      parameters: { weights: "printed" },
    });
    expect(coded.accuracy).toBeGreaterThan(printed.accuracy + 0.3);
  },
  TIMEOUT_MS,
);

test(
  "lookahead sees a step further than the beam when a verdict comes a step late",
  async () => {
    // What a step is worth shows only after the next one: the score of a text is the value of it without its last line.
    const late = createChain([0.3, 0.99, 0.3, 0.99, 0.3, 0.99], 1);
    const lateValue = { ...late, value: (text: string) => late.value(text.replace(/[^\n]*\n$/, "")) };
    const options = { parameters: { branching: 4, choose: "best" }, candidates: 4 };
    const beam = await accuracy("beam", lateValue, PROBLEMS, options);
    const ahead = await accuracy("lookahead", lateValue, PROBLEMS, options);
    const samples = await accuracy("best-of-n", lateValue, PROBLEMS, { candidates: 4 });
    expect(ahead.accuracy).toBeGreaterThan(Math.max(beam.accuracy, samples.accuracy) + 0.1);
  },
  TIMEOUT_MS,
);
