/**
 * Fits a controller to captured activations: standardise, train in the leading principal axes, calibrate the gate, fold
 * everything back into one network over the residuals.
 *
 * The hidden layer is made of parts, each trained without one fold of the topic families; the output is their mean. The
 * part that never saw a prompt's family scores it, so the gate is calibrated on all training prompts as if they were
 * new, and candidates are compared on these scores and on validation.
 */
import { spread } from "#kit/spread.ts";
import { type CalibrationSettings, calibrateGate, type GateCalibration } from "./calibrate.ts";
import type { LabelledScores } from "./metrics.ts";
import { type ControllerNetwork, logitOf } from "./network.ts";
import { principalAxes, project } from "./principal-axes.ts";
import { createRandom } from "./random.ts";
import { type FeatureStatistics, featureStatistics, standardise } from "./standardise.ts";
import { familyFolds, type GroupedRows, trainParts } from "./parts.ts";
import type { GateLoss, GateNetwork, LabelledRows, TrainSettings } from "./train.ts";

/** Settings of a fit; lists are tried in all combinations. */
export interface ControllerSettings extends CalibrationSettings, Omit<TrainSettings, "hidden" | "loss"> {
  readonly hidden: readonly number[];
  readonly losses: readonly GateLoss[];
  /** Principal axes to train in. */
  readonly axes: readonly number[];
  readonly seed: number;
  /** Parts of the hidden layer, each trained without one fold of the families. */
  readonly folds: number;
}

/** What was tried and what was chosen. */
export interface ControllerReport {
  readonly hidden: number;
  readonly loss: GateLoss;
  readonly axes: number;
  /** Mean over the parts. */
  readonly epochs: number;
  readonly validationAuroc: number;
  /** On training prompts, each scored by the part that did not see its family. */
  readonly crossAuroc: number;
  readonly threshold: number;
}

/** A fitted controller. */
export interface FittedController {
  readonly network: ControllerNetwork;
  readonly report: ControllerReport;
}

/** Rows the axes are found from: their cost grows with the square, and more rows give the same ones. */
const AXES_FROM = 1600;

interface Candidate {
  readonly gate: GateNetwork;
  readonly axes: readonly Float32Array[];
  readonly unit: number;
  readonly report: Omit<ControllerReport, "threshold">;
  /** Of training prompts by the part that did not see their family, of validation prompts by all parts. */
  readonly scores: LabelledScores;
}

/**
 * Fits a controller.
 * @param train with the topic family of every row
 * @param layerWeights weights of the blocks, [layers]; they become the constant outputs of the weight head
 */
export function fitController(
  train: GroupedRows,
  validation: LabelledRows,
  layerWeights: Float32Array,
  settings: ControllerSettings,
): FittedController {
  const width = train.rows[0]?.length ?? 0;
  const statistics = featureStatistics(train.rows, width);
  const rows = standardise(train.rows, statistics);
  const checks = standardise(validation.rows, statistics);
  // Both classes and all families are in order.
  const all = principalAxes(spread(rows, AXES_FROM), Math.max(...settings.axes), createRandom(settings.seed));
  const folds = familyFolds(train, settings.folds);
  const candidates: Candidate[] = [];
  for (const count of settings.axes) {
    const axes = all.slice(0, count);
    const space = coordinates(rows, checks, axes);
    const data = {
      train: { ...train, rows: space.train },
      validation: { ...validation, rows: space.validation },
      folds,
    };
    for (const hidden of settings.hidden) {
      for (const loss of settings.losses) {
        const parts = trainParts(
          data,
          { ...settings, hidden: Math.ceil(hidden / settings.folds), loss },
          settings.seed,
        );
        const report = { hidden: parts.gate.b1.length, loss, axes: axes.length, ...parts.quality };
        candidates.push({ gate: parts.gate, axes, unit: space.unit, report, scores: parts.scores });
      }
    }
  }
  const best = candidates.reduce((a, b) => (better(b.report, a.report) ? b : a));
  const calibration = calibrateGate(best.scores, settings);
  const network = fold(best, statistics, calibration, layerWeights);
  return { network, report: { ...best.report, threshold: calibration.threshold } };
}

function better(a: Candidate["report"], b: Candidate["report"]): boolean {
  return a.validationAuroc + a.crossAuroc > b.validationAuroc + b.crossAuroc;
}

/** Coordinates along the axes, in units of their root mean square over the training rows. */
function coordinates(
  train: readonly Float32Array[],
  validation: readonly Float32Array[],
  axes: readonly Float32Array[],
) {
  const raw = project(train, axes);
  let squares = 0;
  for (const row of raw) for (const value of row) squares += value * value;
  const unit = Math.sqrt(squares / Math.max(1, raw.length * axes.length)) || 1;
  const scaled = (row: Float32Array) => row.map((value) => value / unit);
  return { unit, train: raw.map(scaled), validation: project(validation, axes).map(scaled) };
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
  const b2 = Float32Array.of(
    (gate.b2[0] as number) * calibration.scale + calibration.shift,
    ...layerWeights.map(logitOf),
  );
  return { inputs, hidden, outputs, mean, std, w1, b1: gate.b1, w2, b2 };
}
