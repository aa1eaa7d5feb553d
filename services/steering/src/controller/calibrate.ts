/**
 * Turns raw scores into a gate: a steep sigmoid around a threshold chosen on prompts the scores were not trained on.
 *
 * A half-open gate neither refuses nor leaves alone, so the ramp is short; a false steer costs more than a miss, so the
 * threshold weighs it higher. Of equally good thresholds the middle of the widest gap is taken.
 */
import type { LabelledScores } from "./metrics.ts";
import { logitOf } from "./network.ts";

/** Where the gate counts as open. */
const OPEN_LOGIT = logitOf(0.98);

/** gate = sigmoid(scale · score + shift) */
export interface GateCalibration {
  readonly scale: number;
  readonly shift: number;
  /** Score at which the gate is one half. */
  readonly threshold: number;
}

/** Settings of the calibration. */
export interface CalibrationSettings {
  /** How many misses one false steer is worth. */
  readonly falseSteerCost: number;
  /** Distance from the threshold at which the gate is 0.98, as a fraction of the distance of the classes' medians. */
  readonly ramp: number;
}

/** Chooses threshold and ramp on labelled scores. A gate that cannot tell the classes apart stays shut. */
export function calibrateGate(scores: LabelledScores, settings: CalibrationSettings): GateCalibration {
  const threshold = chooseThreshold(scores, settings.falseSteerCost);
  const distance = middle(scores.positive) - middle(scores.negative);
  if (!Number.isFinite(threshold) || !(distance > 0))
    return { scale: 0, shift: logitOf(0), threshold: Number.MAX_VALUE };
  const scale = OPEN_LOGIT / (settings.ramp * distance);
  return { scale, shift: -scale * threshold, threshold };
}

function chooseThreshold({ positive, negative }: LabelledScores, falseSteerCost: number): number {
  const values = [...new Set([...positive, ...negative])].sort((a, b) => a - b);
  let best = { cost: 1, gap: 0, threshold: Number.POSITIVE_INFINITY };
  for (let i = 1; i < values.length; i++) {
    const [below, above] = [values[i - 1] as number, values[i] as number];
    const threshold = (below + above) / 2;
    const misses = positive.filter((s) => s < threshold).length / positive.length;
    const falseSteers = negative.filter((s) => s >= threshold).length / negative.length;
    const cost = misses + falseSteerCost * falseSteers;
    const gap = above - below;
    if (cost < best.cost - 1e-12 || (cost <= best.cost + 1e-12 && gap > best.gap))
      best = { cost, gap, threshold };
  }
  return best.threshold;
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}
