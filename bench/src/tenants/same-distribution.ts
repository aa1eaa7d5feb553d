/** Whether two samples could come from one distribution: the two-sample Kolmogorov-Smirnov test. */

/** The result of a test. */
export interface SameDistribution {
  /** Largest distance between the two empirical distribution functions. */
  readonly distance: number;
  /** Probability of a distance as large if the distributions are the same. */
  readonly p: number;
}

/** Terms of the series below; they fall faster than e^(-2·k²). */
const TERMS = 100;

/** Compares two samples; p by Kolmogorov's series with Stephens' correction, good from about 10 values each. */
export function compareDistributions(a: readonly number[], b: readonly number[]): SameDistribution {
  const values = [...a, ...b].toSorted((x, y) => x - y);
  const shareUpTo = (sample: readonly number[], value: number): number =>
    sample.filter((one) => one <= value).length / sample.length;
  const distance = Math.max(...values.map((value) => Math.abs(shareUpTo(a, value) - shareUpTo(b, value))));
  const size = Math.sqrt((a.length * b.length) / (a.length + b.length));
  const lambda = (size + 0.12 + 0.11 / size) * distance;
  // The series alternates without an end where the distance is nothing.
  if (lambda < 0.2) return { distance, p: 1 };
  let p = 0;
  for (let k = 1; k <= TERMS; k++) p += 2 * (-1) ** (k - 1) * Math.exp(-2 * (k * lambda) ** 2);
  return { distance, p: Math.min(1, Math.max(0, p)) };
}
