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
  const tokens = searches.reduce((sum, one) => sum + one.tokensGenerated + one.tokensVerified, 0);
  return {
    n: searches.length,
    wanted: met.length / searches.length,
    effectiveSampleSize: meanOf(met.map((one) => one.effectiveSampleSize)),
    variance: meanOf(texts.map((_, i) => varianceOf(of(i)))),
    bias: far(texts.map((_, i) => meanOf(of(i)))),
    farChosen: far(texts.map((text) => met.filter(({ chosen }) => chosen === text).length / met.length)),
    tokensPerWanted: tokens / met.length,
  };
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
