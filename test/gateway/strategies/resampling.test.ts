/** Resampling: unbiased, indifferent to order, and as variable as theory says. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { createRandom, drawNormal } from "../../../gateway/src/strategies/random.ts";
import {
  effectiveSampleSize,
  logWeight,
  resample,
  type Resampler,
  RESAMPLERS,
  softmax,
} from "../../../gateway/src/strategies/resampling.ts";

const WEIGHTS = [0.45, 0.05, 0.25, 0.01, 0.24];
const DRAWS = 20_000;

/** Mean and variance of the copies of each index over many resamplings of `count`. */
function copies(resampler: Resampler, weights: readonly number[], count: number) {
  const random = createRandom(7n);
  const sums = weights.map(() => 0);
  const squares = weights.map(() => 0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const counts = weights.map(() => 0);
    for (const index of resample(random, weights, count, resampler)) counts[index] = (counts[index] ?? 0) + 1;
    counts.forEach((n, i) => {
      sums[i] = (sums[i] ?? 0) + n;
      squares[i] = (squares[i] ?? 0) + n * n;
    });
  }
  const means = sums.map((sum) => sum / DRAWS);
  return { means, variances: squares.map((square, i) => square / DRAWS - (means[i] ?? 0) ** 2) };
}

test.each([...RESAMPLERS])(
  "%s resampling draws N·w copies of each on average, whatever the order",
  (resampler) => {
    for (const order of [
      [0, 1, 2, 3, 4],
      [3, 4, 0, 2, 1],
    ]) {
      const weights = order.map((i) => WEIGHTS[i] ?? 0);
      const { means } = copies(resampler, weights, 8);
      // Five standard errors of a multinomial count, the most variable of the four.
      weights.forEach((w, i) => {
        expect(Math.abs((means[i] ?? 0) - 8 * w)).toBeLessThan(5 * Math.sqrt((8 * w * (1 - w)) / DRAWS));
      });
    }
  },
);

test("stratified, systematic and residual copies vary less than multinomial ones", () => {
  const total = (resampler: Resampler): number =>
    copies(resampler, WEIGHTS, 8).variances.reduce((sum, variance) => sum + variance, 0);
  const multinomial = total("multinomial");
  const exact = WEIGHTS.reduce((sum, w) => sum + 8 * w * (1 - w), 0);
  expect(multinomial).toBeCloseTo(exact, 0);
  for (const resampler of ["systematic", "stratified", "residual"] as const) {
    expect(total(resampler)).toBeLessThan(0.6 * multinomial);
  }
});

test("weights of the published example: coded ones select, printed ones cannot", () => {
  const scores = [0.97, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2];
  const ess = (weighting: "coded" | "printed") =>
    effectiveSampleSize(softmax(scores.map((score) => logWeight(score, weighting))));
  // Computed apart from this code: 1.29 and 7.43 of 8.
  expect(ess("coded")).toBeCloseTo(1.29, 2);
  expect(ess("printed")).toBeCloseTo(7.43, 2);
  expect(ess("printed") / 8).toBeGreaterThan((4 * Math.E) / (1 + Math.E) ** 2);
});

test("draws are uniform, normal ones have mean 0 and variance 1, and the n-th depends on seed and n alone", () => {
  const random = createRandom(42n);
  const bins = new Array<number>(100).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const bin = Math.floor(random.uniform() * 100);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const chi = bins.reduce((sum, n) => sum + (n - 1_000) ** 2 / 1_000, 0);
  // 99.99 % of chi-square with 99 degrees of freedom is 159.
  expect(chi).toBeLessThan(159);
  const normals = Array.from({ length: 20_000 }, () => drawNormal(random));
  const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
  const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length;
  expect(Math.abs(mean)).toBeLessThan(0.04);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  const first = createRandom(9n);
  const second = createRandom(9n);
  expect(Array.from({ length: 5 }, () => first.uniform())).toEqual(
    Array.from({ length: 5 }, () => second.uniform()),
  );
});
