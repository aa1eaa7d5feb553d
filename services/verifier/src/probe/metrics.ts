/** How good scores are against labels between 0 and 1: order (AUROC) and calibration. Cost: one sort. */

/** A score with its label; a label of 0.3 counts as 0.3 of a right one and 0.7 of a wrong one. */
export interface Scored {
  readonly score: number;
  readonly label: number;
}

/** Chance that a right one scores above a wrong one, ties half; NaN if there are not both. */
export function auroc(scored: readonly Scored[]): number {
  const { above, pairs } = countPairs(scored);
  return above / pairs;
}

/** The same over pairs within a group only. */
export function aurocWithin(groups: Iterable<readonly Scored[]>): number {
  let above = 0;
  let pairs = 0;
  for (const group of groups) {
    const counted = countPairs(group);
    above += counted.above;
    pairs += counted.pairs;
  }
  return above / pairs;
}

function countPairs(scored: readonly Scored[]): { readonly above: number; readonly pairs: number } {
  const sorted = scored.toSorted((a, b) => a.score - b.score);
  let wrongBelow = 0;
  let above = 0;
  for (let start = 0; start < sorted.length;) {
    let end = start;
    let right = 0;
    let wrong = 0;
    for (; end < sorted.length && sorted[end]?.score === sorted[start]?.score; end++) {
      right += sorted[end]?.label ?? 0;
      wrong += 1 - (sorted[end]?.label ?? 0);
    }
    above += right * (wrongBelow + wrong / 2);
    wrongBelow += wrong;
    start = end;
  }
  const rights = scored.reduce((sum, { label }) => sum + label, 0);
  return { above, pairs: rights * wrongBelow };
}

const BINS = 10;

/** Mean distance of score and label in bins of equal size, weighted by size. */
export function calibrationError(scored: readonly Scored[]): number {
  const sorted = scored.toSorted((a, b) => a.score - b.score);
  let error = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const from = Math.floor((bin * sorted.length) / BINS);
    const part = sorted.slice(from, Math.floor(((bin + 1) * sorted.length) / BINS));
    error += Math.abs(part.reduce((sum, { score, label }) => sum + score - label, 0)) / sorted.length;
  }
  return error;
}
