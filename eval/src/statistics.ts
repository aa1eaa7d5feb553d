/** Means and intervals over problems. Problems are the clusters: all samples of one are drawn together. Seeded. */
import { createRandom } from "./random.ts";

/** A mean with its 95 % interval. */
export interface Interval {
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
}

const RESAMPLES = 4_000;
const SEED = 7;

/** Mean; NaN without values. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean of one value a problem, with the percentile bootstrap over problems. */
export function bootstrap(values: readonly number[]): Interval {
  const means = resampledMeans(values).toSorted((a, b) => a - b);
  const at = (share: number): number => means[Math.floor(share * (RESAMPLES - 1))] ?? Number.NaN;
  return { mean: meanOf(values), lower: at(0.025), upper: at(0.975) };
}

/**
 * Two-sided p-value of a mean of 0: how often the resampled mean, moved to 0, is as far from it as the mean itself. Never below
 * one in the number of resamples.
 */
export function bootstrapPValue(values: readonly number[]): number {
  const mean = meanOf(values);
  const further = resampledMeans(values).filter((one) => Math.abs(one - mean) >= Math.abs(mean)).length;
  return (further + 1) / (RESAMPLES + 1);
}

function resampledMeans(values: readonly number[]): number[] {
  const random = createRandom(SEED);
  return Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let drawn = 0; drawn < values.length; drawn++) sum += random.pick(values);
    return sum / values.length;
  });
}

/** Mean difference of two methods on the same problems, paired. */
export function bootstrapDifference(ours: readonly number[], theirs: readonly number[]): Interval {
  if (ours.length !== theirs.length) throw new RangeError("a paired difference needs the same problems");
  return bootstrap(ours.map((value, index) => value - (theirs[index] ?? 0)));
}

/** Share of the headroom between the better of greedy and pass@1 and the oracle that a method gains. */
export function headroomRecovered(
  accuracy: number,
  greedy: number,
  passAt1: number,
  passAtN: number,
): number {
  const base = Math.max(greedy, passAt1);
  return passAtN > base ? (accuracy - base) / (passAtN - base) : 0;
}
