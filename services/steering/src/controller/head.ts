/**
 * Heads of layer weights as controllers of their own, trained where the paper's loss gives no gradient: a linear map from
 * the leading principal axes of the features to the logits of the weights. The gate of such a controller is 1; whose gate
 * decides is the recipe's business.
 */
import { type ControllerNetwork, logitOf, sigmoid } from "./network.ts";
import { principalAxes, project } from "./principal-axes.ts";
import { createRandom } from "./random.ts";
import { applyMap, fitRidge, type LinearMap } from "./ridge.ts";
import { featureStatistics, standardise } from "./standardise.ts";

/** Principal axes a head reads, and the ridge of its map; smallest and largest weight that is learned. */
const AXES = 8;
const RIDGE = 1;
const LEAST = 0.02;
const MOST = 0.98;

/** A trained head. */
export interface FittedHead {
  readonly network: ControllerNetwork;
  /** What it gives the training prompts, averaged, [layers]. */
  readonly meanWeights: number[];
  /** Share of the spread of validation logits between prompts that the map explains; 0 or less: prompts do not matter. */
  readonly explained: number;
}

/** Prompts and what their weights should be. */
export interface HeadExamples {
  /** Features, [prompts][feature layers · width]. */
  readonly rows: readonly Float32Array[];
  /** [prompts][layers], 0 to 1. */
  readonly weights: readonly Float32Array[];
}

/** Regresses weights on features. */
export function regressHead(train: HeadExamples, validation: HeadExamples, seed: number): FittedHead {
  const width = train.rows[0]?.length ?? 0;
  const statistics = featureStatistics(train.rows, width);
  const rows = standardise(train.rows, statistics);
  const axes = principalAxes(rows, AXES, createRandom(seed));
  const raw = project(rows, axes);
  const unit = rootMeanSquare(raw) || 1;
  const scaled = (row: Float32Array) => row.map((x) => x / unit);
  const logits = (examples: HeadExamples) =>
    examples.weights.map((row) => Float64Array.from(row, boundedLogit));
  const own = raw.map(scaled);
  const map = fitRidge(own, logits(train), RIDGE);
  const held = project(standardise(validation.rows, statistics), axes).map(scaled);
  return {
    network: networkOf(statistics, axes, unit, map),
    meanWeights: meanOf(own.map((row) => applyMap(map, row).map(sigmoid))),
    explained: explainedShare(map, held, logits(validation)),
  };
}

/** A head that gives every prompt the same weights. */
export function constantHead(inputs: number, weights: readonly number[]): FittedHead {
  const map = {
    constant: Float64Array.from(weights, boundedLogit),
    map: weights.map(() => new Float64Array(0)),
  };
  const statistics = { mean: new Float32Array(inputs), std: new Float32Array(inputs).fill(1) };
  return {
    network: networkOf(statistics, [], 1, map),
    meanWeights: weights.map((weight) => sigmoid(boundedLogit(weight))),
    explained: 0,
  };
}

function boundedLogit(weight: number): number {
  return logitOf(Math.min(MOST, Math.max(LEAST, weight)));
}

/** The map as a network: every axis twice, once each way, because the hidden layer is rectified. */
function networkOf(
  { mean, std }: { readonly mean: Float32Array; readonly std: Float32Array },
  axes: readonly Float32Array[],
  unit: number,
  { constant, map }: LinearMap,
): ControllerNetwork {
  const inputs = mean.length;
  const hidden = Math.max(1, 2 * axes.length);
  const outputs = 1 + constant.length;
  const w1 = new Float32Array(hidden * inputs);
  const w2 = new Float32Array(outputs * hidden);
  for (const [k, axis] of axes.entries()) {
    for (const [side, sign] of [1, -1].entries()) {
      const h = 2 * k + side;
      w1.set(
        axis.map((x) => (sign * x) / unit),
        h * inputs,
      );
      for (const [t, slopes] of map.entries()) w2[(1 + t) * hidden + h] = sign * (slopes[k] as number);
    }
  }
  const b2 = Float32Array.of(logitOf(1), ...constant);
  return { inputs, hidden, outputs, mean, std, w1, b1: new Float32Array(hidden), w2, b2 };
}

/** 1 − squared error over the squared distance to the map's constant. */
function explainedShare(
  map: LinearMap,
  rows: readonly Float32Array[],
  targets: readonly Float64Array[],
): number {
  let [error, spread] = [0, 0];
  for (const [n, row] of rows.entries()) {
    const found = applyMap(map, row);
    for (const [t, target] of (targets[n] as Float64Array).entries()) {
      error += (target - (found[t] as number)) ** 2;
      spread += (target - (map.constant[t] as number)) ** 2;
    }
  }
  return spread > 0 ? 1 - error / spread : 0;
}

function meanOf(rows: readonly Float64Array[]): number[] {
  return Array.from(rows[0] ?? [], (_, t) =>
    rows.reduce((sum, row) => sum + (row[t] as number) / rows.length, 0),
  );
}

function rootMeanSquare(rows: readonly Float32Array[]): number {
  const all = rows.flatMap((row) => [...row]);
  return Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / Math.max(1, all.length));
}
