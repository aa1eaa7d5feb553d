// Intervals, headroom and the judge's model against closed forms.

import { expect, test } from "bun:test";
import { adviseJudges } from "../../eval/src/judge-fit.ts";
import { answersWorthJudging, errorOfBest } from "../../eval/src/judge-model.ts";
import { bootstrap, bootstrapDifference, headroomRecovered } from "../../eval/src/statistics.ts";

test("the bootstrap's interval is the normal one for many problems", () => {
  const values = Array.from({ length: 400 }, (_, i) => (i % 5 < 2 ? 1 : 0));
  const { mean, lower, upper } = bootstrap(values);
  const half = 1.96 * Math.sqrt((0.4 * 0.6) / 400);
  expect(mean).toBe(0.4);
  expect(Math.abs(lower - (0.4 - half))).toBeLessThan(0.006);
  expect(Math.abs(upper - (0.4 + half))).toBeLessThan(0.006);
});

test("differences are paired: the same gain on every problem has no spread", () => {
  const theirs = [0, 1, 0, 1, 0];
  const ours = theirs.map((value) => value + 0.25);
  expect(bootstrapDifference(ours, theirs)).toEqual({ mean: 0.25, lower: 0.25, upper: 0.25 });
  expect(() => bootstrapDifference([1], [1, 0])).toThrow("same problems");
});

test("headroom is the share of the way from the better of greedy and pass@1 to pass@N", () => {
  expect(headroomRecovered(0.5, 0.2, 0.3, 0.7)).toBeCloseTo(0.5, 12);
  expect(headroomRecovered(0.2, 0.3, 0.1, 0.7)).toBeCloseTo(-0.25, 12);
  expect(headroomRecovered(0.5, 0.5, 0.5, 0.5)).toBe(0);
});

test("a judge without bias errs by π s² / k² · exp((m / s)²) for many answers, as the paper's limit has it", () => {
  const setting = { mean: 0.5, spread: 1, bias: 0 };
  // One answer: mean² + spread².
  expect(errorOfBest(setting, 1)).toBeCloseTo(1.25, 2);
  for (const k of [200, 400]) {
    const limit = (Math.PI / k ** 2) * Math.exp(0.25);
    expect(errorOfBest(setting, k) / limit).toBeGreaterThan(0.95);
    expect(errorOfBest(setting, k) / limit).toBeLessThan(1.05);
  }
});

test("a judge with bias ends at bias², and past some number of answers judging more makes it worse", () => {
  const biased = { mean: 0, spread: 1, bias: 1.2 };
  expect(errorOfBest(biased, 2_000)).toBeCloseTo(1.44, 2);
  const few = answersWorthJudging(biased, 64);
  expect(few).toBeLessThan(8);
  expect(errorOfBest(biased, 64)).toBeGreaterThan(errorOfBest(biased, few));
  // The mean is off to the other side: some judging helps, much of it does not.
  const between = answersWorthJudging({ mean: -1, spread: 1, bias: 0.9 }, 64);
  expect(between).toBeGreaterThan(1);
  expect(between).toBeLessThan(64);
  expect(answersWorthJudging({ mean: 0.5, spread: 1, bias: 0 }, 64)).toBe(64);
});

test("the judge's model is fitted to the answers and to those the judge liked best", () => {
  const arm = { strategy: "best-of-n", verifier: "mean_logprob", budget: 5 } as const;
  // Answers are 1 off in the median, by 2 more or less; the judge's favourite is 3 off.
  const candidates = [-3, -1, 1, 3, 5].map((error) => ({
    ...{ text: "", right: false, answer: String(10 + error), score: error === 3 ? 0.9 : 0.1 },
  }));
  const searches = new Map([["best-of-n/mean_logprob/5", new Map([["p", { candidates } as never]])]]);
  const [advice] = adviseJudges([arm], searches, new Map([["p", 10]]));
  expect(advice?.setting).toEqual({ mean: 1, spread: 2 * 1.4826, bias: 3 });
  expect(advice?.answers).toBe(answersWorthJudging({ mean: 1, spread: 2 * 1.4826, bias: 3 }, 64));
});
