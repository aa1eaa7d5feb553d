/** Intervals of proportions. */

/** A proportion with its interval, as rows carry it. */
export interface Proportion {
  readonly rate: number;
  readonly lower: number;
  readonly upper: number;
  /** Trials. */
  readonly n: number;
}

const Z_95 = 1.959963984540054;
const BISECTIONS = 60;

/** Share of `count` in `n` with its two-sided 95 % Wilson interval; NaN for no trials. */
export function wilson(count: number, n: number): Proportion {
  const rate = count / n;
  const centre = (rate + Z_95 ** 2 / (2 * n)) / (1 + Z_95 ** 2 / n);
  const half = (Z_95 / (1 + Z_95 ** 2 / n)) * Math.sqrt((rate * (1 - rate)) / n + Z_95 ** 2 / (4 * n * n));
  return { rate, lower: Math.max(0, centre - half), upper: Math.min(1, centre + half), n };
}

/** Upper end of the one-sided exact (Clopper–Pearson) 95 % interval: the rate at which so few are a 5 % accident. */
export function clopperPearsonUpper(count: number, n: number): number {
  if (count >= n) return 1;
  let [low, high] = [count / n, 1];
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2;
    if (atMost(count, n, middle) > 0.05) low = middle;
    else high = middle;
  }
  return high;
}

/** P(X ≤ count) of a binomial variable, summed in logarithms. */
function atMost(count: number, n: number, rate: number): number {
  let logTerm = n * Math.log1p(-rate);
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= count; k++) {
    logTerm += Math.log((n - k + 1) / k) + Math.log(rate) - Math.log1p(-rate);
    sum += Math.exp(logTerm);
  }
  return sum;
}
