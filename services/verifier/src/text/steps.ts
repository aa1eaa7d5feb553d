/**
 * Scores of steps folded into one. Source: soft-value models take the last step, step-correctness models the minimum or
 * the product (Snell et al. 2024, arXiv 2408.03314; Lightman et al. 2023, arXiv 2305.20050). Cost: linear.
 */

/** How steps are folded, as callers spell it. */
export const STEP_AGGREGATIONS = ["last", "min", "mean", "prod"] as const;
/** One of {@link STEP_AGGREGATIONS}. */
export type StepAggregation = (typeof STEP_AGGREGATIONS)[number];

/** Folds scores (each 0 to 1, at least one) into one; NaN if there is none. */
export function aggregateSteps(scores: readonly number[], how: StepAggregation): number {
  if (scores.length === 0) return Number.NaN;
  switch (how) {
    case "last":
      return scores.at(-1) ?? Number.NaN;
    case "min":
      return Math.min(...scores);
    case "mean":
      return scores.reduce((sum, score) => sum + score, 0) / scores.length;
    case "prod":
      return scores.reduce((product, score) => product * score, 1);
  }
}
