/** The picture of a sweep shows every point, and which were not beaten. */
import { expect, test } from "bun:test";
import { sweepChart } from "../../eval/src/sweep-plot.ts";

test("every point is a dot, the front is filled and named, the chosen one is ringed", () => {
  const point = (dose: number, effect: number, falseEffect: number, pareto: boolean, chosen = false) => ({
    ...{ method: "response_contrast", layers: [9, 10, 11], dose, effect, falseEffect, n: 12, repetition: 0 },
    ...{ pareto, chosen },
  });
  const svg = sweepChart([
    point(0.1, 0.4, 0.1, true),
    point(0.2, 0.9, 0.3, true, true),
    point(0.4, 0.5, 0.6, false),
  ]);
  expect(svg).toStartWith("<svg");
  // Three points, two of them filled once more, one ring.
  expect(svg.match(/<circle/g)).toHaveLength(3 + 2 + 1);
  expect(svg).toContain("9–11 × 0.20");
  expect(svg).not.toContain("9–11 × 0.40");
});
