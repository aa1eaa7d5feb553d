/**
 * What searches by a steered proposal say of a law that is known: the unsteered model's over a few texts, given that one of
 * them comes out. Pure sums over records.
 */
import { meanOf } from "../statistics.ts";

/** One search: its candidates with their final weights. */
export interface Proposed {
  readonly chosen: string;
  readonly texts: readonly string[];
  /** Normalized; 0 for texts that do not meet the condition. */
  readonly weights: readonly number[];
  readonly effectiveSampleSize: number;
  readonly tokensGenerated: number;
  readonly tokensVerified: number;
}

/** What a proposal is worth. */
export interface ProposalEstimate {
  readonly n: number;
  /** Share of searches that chose a text that meets the condition. */
  readonly wanted: number;
  /** Mean over searches; of those that had a text that meets the condition. */
  readonly effectiveSampleSize: number;
  /** Mean over the texts of the variance, between searches, of the estimated probability of a text. */
  readonly variance: number;
  /** Half the sum of differences between the law and the mean estimate. */
  readonly bias: number;
  /** The same between the law and what was chosen. */
  readonly farChosen: number;
  /** What `bias` would be of as many independent draws from the law as there are effective samples in all; and `farChosen` of as many as chose. */
  readonly biasByChance: number;
  readonly farByChance: number;
  /** Tokens of both models for a text that meets the condition. */
  readonly tokensPerWanted: number;
}

/** Estimates from searches at one dose; `law` sums to 1. */
export function estimateOf(
  searches: readonly Proposed[],
  law: ReadonlyMap<string, number>,
): ProposalEstimate {
  const met = searches.filter(({ chosen }) => law.has(chosen));
  const texts = [...law.keys()];
  const estimates = met.map(({ texts: drawn, weights }) =>
    texts.map((text) => drawn.reduce((sum, one, i) => sum + (one === text ? (weights[i] ?? 0) : 0), 0)),
  );
  const of = (index: number): number[] => estimates.map((estimate) => estimate[index] ?? 0);
  const far = (shares: readonly number[]): number =>
    texts.reduce((sum, text, i) => sum + Math.abs((shares[i] ?? 0) - (law.get(text) ?? 0)), 0) / 2;
  const shares = [...law.values()];
  const size = meanOf(met.map((one) => one.effectiveSampleSize));
  const tokens = searches.reduce((sum, one) => sum + one.tokensGenerated + one.tokensVerified, 0);
  return {
    n: searches.length,
    wanted: met.length / searches.length,
    effectiveSampleSize: size,
    variance: meanOf(texts.map((_, i) => varianceOf(of(i)))),
    bias: far(texts.map((_, i) => meanOf(of(i)))),
    farChosen: far(texts.map((text) => met.filter(({ chosen }) => chosen === text).length / met.length)),
    biasByChance: distanceByChance(shares, Math.round(met.length * size)),
    farByChance: distanceByChance(shares, met.length),
    tokensPerWanted: tokens / met.length,
  };
}

/**
 * Half the expected sum of differences between a law and the shares of its outcomes in independent draws: of each outcome the
 * mean deviation of a binomial count, in closed form (De Moivre 1730). Cost: outcomes × draws.
 */
export function distanceByChance(law: readonly number[], draws: number): number {
  return law.reduce((sum, p) => sum + meanDeviation(p, draws), 0) / (2 * draws);
}

/** E|X − np| = 2m C(n, m) pᵐ qⁿ⁻ᵐ⁺¹ with m the first whole number above np. */
function meanDeviation(p: number, n: number): number {
  if (p <= 0 || p >= 1) return 0;
  const m = Math.floor(n * p) + 1;
  let logChoose = 0;
  for (let i = 1; i <= m; i++) logChoose += Math.log((n - m + i) / i);
  return 2 * m * Math.exp(logChoose + m * Math.log(p) + (n - m + 1) * Math.log1p(-p));
}

/** NaN of fewer than two. */
function varianceOf(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN;
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
