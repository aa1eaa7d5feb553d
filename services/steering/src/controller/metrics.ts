/** Quality of a gate on labelled scores. */

/** Scores of prompts that should be steered, and of prompts that should be left alone. */
export interface LabelledScores {
  readonly positive: readonly number[];
  readonly negative: readonly number[];
}

/** Chance that a positive scores above a negative; ties count half. NaN if a side is empty. */
export function auroc({ positive, negative }: LabelledScores): number {
  let wins = 0;
  for (const p of positive) for (const n of negative) wins += p > n ? 1 : p === n ? 0.5 : 0;
  return wins / (positive.length * negative.length);
}

/** Fraction on the right side of `threshold`; at the threshold counts as steered. */
export function accuracy({ positive, negative }: LabelledScores, threshold = 0.5): number {
  const right = positive.filter((s) => s >= threshold).length + negative.filter((s) => s < threshold).length;
  return right / (positive.length + negative.length);
}

/** Scores by label: 1 = positive, 0 = negative. */
export function splitScores(scores: readonly number[], labels: readonly number[]): LabelledScores {
  return {
    positive: scores.filter((_, i) => labels[i] === 1),
    negative: scores.filter((_, i) => labels[i] === 0),
  };
}
