/** Threshold and side with the best F1 on labelled scores. */
import type { LabelledScores } from "../controller/metrics.ts";

/** A one-sided test. */
export interface Threshold {
  readonly threshold: number;
  /** Fires below the threshold, not above it. */
  readonly below: boolean;
  /** On the scores it was chosen on. */
  readonly f1: number;
}

/** F1 of a test: harmonic mean of precision and recall; 0 if nothing fires. */
export function thresholdF1(
  { positive, negative }: LabelledScores,
  { threshold, below }: Pick<Threshold, "threshold" | "below">,
): number {
  const fires = (score: number) => (below ? score < threshold : score > threshold);
  const hits = positive.filter(fires).length;
  const errors = negative.filter(fires).length + positive.length - hits;
  return hits === 0 ? 0 : (2 * hits) / (2 * hits + errors);
}

/** The best test; thresholds lie midway between neighbouring scores, so that they do not hang on one of them. */
export function bestThreshold(scores: LabelledScores): Threshold {
  const values = [...new Set([...scores.positive, ...scores.negative])].sort((a, b) => a - b);
  let best: Threshold = { threshold: Number.NEGATIVE_INFINITY, below: false, f1: -1 };
  for (let i = 0; i + 1 < values.length; i++) {
    const threshold = ((values[i] as number) + (values[i + 1] as number)) / 2;
    for (const below of [false, true]) {
      const f1 = thresholdF1(scores, { threshold, below });
      if (f1 > best.f1) best = { threshold, below, f1 };
    }
  }
  return best.f1 < 0 ? { threshold: values[0] ?? 0, below: false, f1: 0 } : best;
}
