/** 95 % Wilson score intervals of proportions (E. B. Wilson, 1927). */

const Z = 1.959963984540054;

/** A proportion with its interval, all in 0 to 1, and the trials it was measured on. */
export interface Proportion {
  readonly rate: number;
  readonly lower: number;
  readonly upper: number;
  readonly n: number;
}

/** A proportion of `hits` in `n` trials with its interval; 0 to 1 without trials. */
export function proportion(hits: number, n: number): Proportion {
  if (n === 0) return { rate: 0, lower: 0, upper: 1, n: 0 };
  const rate = hits / n;
  const spread = Z * Math.sqrt((rate * (1 - rate)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  const center = rate + (Z * Z) / (2 * n);
  return {
    rate,
    lower: Math.max(0, (center - spread) / scale),
    upper: Math.min(1, (center + spread) / scale),
    n,
  };
}
