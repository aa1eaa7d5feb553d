// Where curves break, and whether something tells it, on curves made by hand.

import { expect, test } from "bun:test";
import {
  type Breaking,
  breakingDose,
  leaveOneOut,
  predictionError,
  rankCorrelation,
} from "../../../eval/src/steering/breaking.ts";
import { breakingsOf, curvatureLines } from "../../../eval/src/steering/curvature.ts";

/** log ratio = (dose / d₀)²: it is ln 2 at d₀ √(ln 2). */
const curve = (scale: number, doses: readonly number[]) =>
  doses.map((dose) => ({ dose, perplexityRatio: Math.exp((dose / scale) ** 2) }));

test("a curve breaks between the points around twice the perplexity, in any order; one that stays below does not", () => {
  const doses = [0.8, 0.05, 0.1, 0.2, 0.4, 1.6];
  const exact = Math.sqrt(Math.LN2);
  const found = breakingDose(curve(1, doses)) as number;
  expect(found).toBeGreaterThan(0.8);
  expect(Math.abs(Math.log(found / exact))).toBeLessThan(0.1);
  expect(breakingDose(curve(10, doses))).toBeUndefined();
  expect(breakingDose(curve(0.01, doses))).toBe(0.05);
  expect(
    breakingDose([
      { dose: 0.1, perplexityRatio: 1 },
      { dose: 0.2, perplexityRatio: Number.NaN },
    ]),
  ).toBe(0.2);
});

test("ranks correlate by order alone; ties and short lists are what they are", () => {
  expect(
    rankCorrelation([
      [1, 9],
      [2, 4],
      [30, 1],
    ]),
  ).toBeCloseTo(-1, 9);
  // Worked by hand: ranks 1 2.5 2.5 4 against 1 2 3 4 give 4.5 / √(4.5 · 5).
  expect(
    rankCorrelation([
      [1, 1],
      [2, 2],
      [2, 3],
      [5, 4],
    ]),
  ).toBeCloseTo(4.5 / Math.sqrt(22.5), 9);
  expect(
    rankCorrelation([
      [1, 1],
      [2, 2],
    ]),
  ).toBeNaN();
});

const breaking = (curvature: number, dose: number | undefined): Breaking => ({
  ...{ model: "m", direction: "x", method: "x", block: 1, curvature, dose },
});

test("a law that holds is told without error, and better than by the mean; what did not break is left out", () => {
  const law = (curvature: number) => breaking(curvature, 2 / Math.sqrt(curvature));
  const { line, mean } = predictionError([law(1), law(4), law(64), breaking(9, undefined)], [law(256)]);
  expect(line).toBeCloseTo(0, 9);
  // log₂ of the breaks: 1, 0, −2; their mean is −1/3, and −3 is told.
  expect(mean).toBeCloseTo(8 / 3, 9);
});

test("a direction is told from the others: by the law without error, by means not; two directions are too few", () => {
  const at = (direction: string, block: number, curvature: number): Breaking => ({
    ...{ model: "m", method: "x", direction, block, curvature, dose: 2 / Math.sqrt(curvature) },
  });
  const all = ["a", "b", "c", "d"].flatMap((name, i) => [at(name, 1, 4 ** i), at(name, 2, 16 * 4 ** i)]);
  const found = leaveOneOut(all);
  expect(found?.directions).toBe(4);
  expect(found?.line.mean).toBeCloseTo(0, 9);
  // In a block, log₂ of the breaks goes 0, −1, −2, −3: left out, each is off the mean of the others by 2, 2/3, 2/3, 2.
  expect(found?.block.mean).toBeCloseTo(4 / 3, 9);
  expect(found?.gain.mean).toBeCloseTo(4 / 3, 9);
  expect(leaveOneOut(all.slice(0, 4))).toBeUndefined();
});

test("tables of sweeps become one break a method and window, with the curvature of the smallest dose", () => {
  const rows = curve(0.5, [0.05, 0.2, 0.8]).map((point) => ({
    ...{ method: "pca", layers: [3, 4, 5], nats: 0.5 * 8 * point.dose ** 2 },
    ...point,
  }));
  const [found, ...more] = breakingsOf("m", { rows });
  expect(more).toEqual([]);
  expect(found).toMatchObject({ model: "m", method: "pca", block: 4 });
  expect(found?.curvature).toBeCloseTo(8, 9);
  expect(curvatureLines([found as Breaking]).join("\n")).toContain("n 1 of 1");
});
