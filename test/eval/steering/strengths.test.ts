// Methods at equal strength, on curves made by hand; divergences against sums written out.
import { expect, test } from "bun:test";
import { bucketedDivergence } from "#kit/divergence.ts";
import { wilson } from "../../../eval/src/binomial.ts";
import { effectAt, equalRows, type StrengthPoint } from "../../../eval/src/steering/strengths.ts";

const point = (
  method: string,
  dose: number,
  relativeChange: number,
  nats: number,
  hits: number,
): StrengthPoint => ({
  ...{ method, dose, relativeChange, nats, effect: wilson(hits, 10) },
});
const ours = [point("ours", 2, 0.4, 1, 8), point("ours", 1, 0.1, 0.01, 2)];

test("between two doses the effect is read in the logarithm of the strength; beyond them it is not told", () => {
  // 0.2 lies halfway between 0.1 and 0.4, 0.1 nats halfway between 0.01 and 1.
  expect(effectAt(ours, "relativeChange", 0.2)).toBeCloseTo(0.5, 12);
  expect(effectAt(ours, "nats", 0.1)).toBeCloseTo(0.5, 12);
  expect(effectAt(ours, "relativeChange", 0.4)).toBeCloseTo(0.8, 12);
  expect(effectAt(ours, "relativeChange", 0.05)).toBeUndefined();
  expect(effectAt(ours, "nats", 2)).toBeUndefined();
});

test("every method has a line, with a dash where no dose reaches", () => {
  const rows = equalRows([...ours, point("weak", 1, 0.01, 0.001, 0)]);
  expect(rows.map(([method]) => method)).toEqual(["ours", "weak"]);
  expect(rows[0]).toContain("50.0 %");
  expect(new Set(rows[1]?.slice(1))).toEqual(new Set(["–"]));
});

test("a divergence is that of the named tokens and one bucket for the rest", () => {
  const logs = (...p: number[]) => p.map(Math.log);
  const exact = 0.5 * Math.log(0.5 / 0.25) + 0.3 * Math.log(0.3 / 0.6) + 0.2 * Math.log(0.2 / 0.15);
  expect(bucketedDivergence(logs(0.5, 0.3), logs(0.25, 0.6))).toBeCloseTo(exact, 12);
  expect(bucketedDivergence(logs(0.5, 0.3), logs(0.5, 0.3))).toBe(0);
  expect(() => bucketedDivergence(logs(0.5), [])).toThrow("log-probabilities");
});
