/**
 * Fits a controller to captured activations: standardise, train candidates in the leading principal axes, keep the one
 * that separates validation prompts best, calibrate its gate, fold everything back into one network over the residuals.
 */
import { type CalibrationSettings, calibrateGate, type GateCalibration } from "./calibrate.ts";
import { auroc, type LabelledScores } from "./metrics.ts";
import type { ControllerNetwork } from "./network.ts";
import { principalAxes, project } from "./principal-axes.ts";
import { createRandom } from "./random.ts";
import { type FeatureStatistics, featureStatistics, standardise } from "./standardise.ts";
import {
  type GateLoss,
  type GateNetwork,
  gateScores,
  type LabelledRows,
  trainGate,
  type TrainSettings,
} from "./train.ts";

/** Settings of a fit; lists are tried in all combinations. */
export interface ControllerSettings extends CalibrationSettings, Omit<TrainSettings, "hidden" | "loss"> {
  readonly hidden: readonly number[];
  readonly losses: readonly GateLoss[];
  /** Principal axes to train in. */
  readonly axes: readonly number[];
  readonly seed: number;
}

/** What was tried and what was chosen. */
export interface ControllerReport {
  readonly hidden: number;
  readonly loss: GateLoss;
  readonly axes: number;
  readonly epochs: number;
  readonly validationAuroc: number;
  /** Distance of the class means over their pooled deviation, on validation. */
  readonly validationSeparation: number;
  readonly threshold: number;
}

/** A fitted controller. */
export interface FittedController {
  readonly network: ControllerNetwork;
  readonly report: ControllerReport;
}

interface Candidate {
  readonly gate: GateNetwork;
  readonly axes: readonly Float32Array[];
  readonly unit: number;
  readonly report: Omit<ControllerReport, "threshold">;
  readonly scores: LabelledScores;
}

/**
 * Fits a controller.
 * @param layerWeights weights of the blocks, [layers]; they become the constant outputs of the weight head
 */
export function fitController(
  train: LabelledRows,
  validation: LabelledRows,
  layerWeights: Float32Array,
  settings: ControllerSettings,
): FittedController {
  const width = train.rows[0]?.length ?? 0;
  const statistics = featureStatistics(train.rows, width);
  const rows = standardise(train.rows, statistics);
  const checks = standardise(validation.rows, statistics);
  const all = principalAxes(rows, Math.max(...settings.axes), createRandom(settings.seed));
  const candidates: Candidate[] = [];
  for (const count of settings.axes) {
    const axes = all.slice(0, count);
    const space = coordinates(rows, checks, axes);
    for (const hidden of settings.hidden) {
      for (const loss of settings.losses) {
        const random = createRandom(settings.seed);
        const trained = trainGate(
          { rows: space.train, labels: train.labels },
          { rows: space.validation, labels: validation.labels },
          { ...settings, hidden, loss },
          random,
        );
        const scores = split(gateScores(trained.gate, space.validation), validation.labels);
        const quality = { validationAuroc: auroc(scores), validationSeparation: separation(scores) };
        const report = { hidden, loss, axes: axes.length, epochs: trained.epochs, ...quality };
        candidates.push({ gate: trained.gate, axes, unit: space.unit, report, scores });
      }
    }
  }
  const best = candidates.reduce((a, b) => (better(b.report, a.report) ? b : a));
  const calibration = calibrateGate(best.scores, settings);
  const network = fold(best, statistics, calibration, layerWeights);
  return { network, report: { ...best.report, threshold: calibration.threshold } };
}

/** Scores by label. */
export function split(scores: readonly number[], labels: readonly number[]): LabelledScores {
  return {
    positive: scores.filter((_, i) => labels[i] === 1),
    negative: scores.filter((_, i) => labels[i] === 0),
  };
}

/** AUROC first; what it calls equal (to a hundredth) is decided by the separation. */
function better(a: Candidate["report"], b: Candidate["report"]): boolean {
  const difference = a.validationAuroc - b.validationAuroc;
  if (Math.abs(difference) > 0.01) return difference > 0;
  return a.validationSeparation > b.validationSeparation;
}

function separation({ positive, negative }: LabelledScores): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [high, low] = [mean(positive), mean(negative)];
  const spread = mean([...positive.map((s) => (s - high) ** 2), ...negative.map((s) => (s - low) ** 2)]);
  return (high - low) / Math.sqrt(Math.max(spread, Number.MIN_VALUE));
}

/** Coordinates along the axes, in units of their root mean square over the training rows. */
function coordinates(
  train: readonly Float32Array[],
  validation: readonly Float32Array[],
  axes: readonly Float32Array[],
) {
  const raw = train.map((row) => project(row, axes));
  let squares = 0;
  for (const row of raw) for (const value of row) squares += value * value;
  const unit = Math.sqrt(squares / Math.max(1, raw.length * axes.length)) || 1;
  const scaled = (row: Float32Array) => row.map((value) => value / unit);
  return { unit, train: raw.map(scaled), validation: validation.map((row) => scaled(project(row, axes))) };
}

function fold(
  { gate, axes, unit }: Candidate,
  { mean, std }: FeatureStatistics,
  calibration: GateCalibration,
  layerWeights: Float32Array,
): ControllerNetwork {
  const inputs = mean.length;
  const hidden = gate.b1.length;
  const outputs = 1 + layerWeights.length;
  const w1 = new Float32Array(hidden * inputs);
  const row = new Float64Array(inputs);
  for (let h = 0; h < hidden; h++) {
    row.fill(0);
    for (const [k, axis] of axes.entries()) {
      const weight = (gate.w1[h * axes.length + k] as number) / unit;
      for (let i = 0; i < inputs; i++) row[i] = (row[i] as number) + weight * (axis[i] as number);
    }
    w1.set(row, h * inputs);
  }
  const w2 = new Float32Array(outputs * hidden);
  for (let h = 0; h < hidden; h++) w2[h] = (gate.w2[h] as number) * calibration.scale;
  const b2 = Float32Array.of((gate.b2[0] as number) * calibration.scale + calibration.shift, ...layerWeights);
  return { inputs, hidden, outputs, mean, std, w1, b1: gate.b1, w2, b2 };
}
