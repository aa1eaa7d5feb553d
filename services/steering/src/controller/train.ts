/**
 * Trains the gate of a controller: one hidden ReLU layer, one output, mini-batches, AdamW, early stopping on validation.
 *
 * Loss "mse" is eq. 8 of Guiding Giants with λ = ½: ½·mean_positive (s − 1)² + ½·mean_negative s². Loss "logistic" is
 * the same weighting of the log loss, with the logit as the score. Classes are weighted, so unbalanced sets are fine.
 * Cost: about 4·inputs·hidden operations an example and epoch.
 */
import { createAdamW } from "./optimiser.ts";
import type { Random } from "./random.ts";

/** Loss of the gate. */
export type GateLoss = "mse" | "logistic";

/** Rows with labels: 1 = steer, 0 = leave alone. */
export interface LabelledRows {
  readonly rows: readonly Float32Array[];
  readonly labels: readonly number[];
}

/** Settings of one training run. */
export interface TrainSettings {
  readonly hidden: number;
  readonly loss: GateLoss;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly batch: number;
  readonly maxEpochs: number;
  /** Epochs without a better validation loss before stopping. */
  readonly patience: number;
}

/** A gate: w1 [hidden, inputs], b1 [hidden], w2 [hidden], b2 [1]. */
export interface GateNetwork {
  readonly w1: Float32Array;
  readonly b1: Float32Array;
  readonly w2: Float32Array;
  readonly b2: Float32Array;
}

/** Result of a training run. */
export interface TrainedGate {
  readonly gate: GateNetwork;
  /** Loss on validation of the weights kept. */
  readonly validationLoss: number;
  readonly epochs: number;
}

/** Scores of rows, [rows]. */
export function gateScores(gate: GateNetwork, rows: readonly Float32Array[]): number[] {
  const hidden = new Float32Array(gate.b1.length);
  return rows.map((row) => forward(gate, row, hidden));
}

/** Trains on `train`, keeps the weights that are best on `validation`. */
export function trainGate(
  train: LabelledRows,
  validation: LabelledRows,
  settings: TrainSettings,
  random: Random,
): TrainedGate {
  const gate = initialGate(train.rows[0]?.length ?? 0, settings, random);
  const gradient = emptyLike(gate);
  const optimiser = createAdamW(Object.values(gate) as Float32Array[], settings);
  const gradients = Object.values(gradient) as Float32Array[];
  const weights = classWeights(train.labels);
  let best: TrainedGate = {
    gate: copyOf(gate),
    validationLoss: meanLoss(gate, validation, settings.loss),
    epochs: 0,
  };
  for (let epoch = 1; epoch <= settings.maxEpochs && epoch - best.epochs <= settings.patience; epoch++) {
    const order = random.permutation(train.rows.length);
    for (let start = 0; start < order.length; start += settings.batch) {
      const batch = order.slice(start, start + settings.batch);
      for (const index of batch) {
        const label = train.labels[index] as number;
        accumulate(gate, gradient, train.rows[index] as Float32Array, label, {
          factor: (weights[label] as number) / batch.length,
          loss: settings.loss,
        });
      }
      optimiser.step(gradients);
    }
    const validationLoss = meanLoss(gate, validation, settings.loss);
    if (validationLoss < best.validationLoss) best = { gate: copyOf(gate), validationLoss, epochs: epoch };
  }
  return best;
}

function initialGate(inputs: number, { hidden, loss }: TrainSettings, random: Random): GateNetwork {
  const normals = (count: number, deviation: number) =>
    Float32Array.from({ length: count }, () => deviation * random.normal());
  return {
    w1: normals(hidden * inputs, Math.sqrt(1 / inputs)),
    b1: new Float32Array(hidden),
    w2: normals(hidden, Math.sqrt(1 / hidden) / 2),
    b2: Float32Array.of(loss === "mse" ? 0.5 : 0),
  };
}

function forward({ w1, b1, w2, b2 }: GateNetwork, row: Float32Array, hidden: Float32Array): number {
  const inputs = row.length;
  let score = b2[0] as number;
  for (let h = 0; h < hidden.length; h++) {
    let sum = b1[h] as number;
    const start = h * inputs;
    for (let i = 0; i < inputs; i++) sum += (w1[start + i] as number) * (row[i] as number);
    const active = sum > 0 ? sum : 0;
    hidden[h] = active;
    score += (w2[h] as number) * active;
  }
  return score;
}

function accumulate(
  gate: GateNetwork,
  gradient: GateNetwork,
  row: Float32Array,
  label: number,
  { factor, loss }: { readonly factor: number; readonly loss: GateLoss },
): void {
  const hidden = new Float32Array(gate.b1.length);
  const score = forward(gate, row, hidden);
  const slope = factor * (loss === "mse" ? 2 * (score - label) : 1 / (1 + Math.exp(-score)) - label);
  const inputs = row.length;
  gradient.b2[0] = (gradient.b2[0] as number) + slope;
  for (let h = 0; h < hidden.length; h++) {
    const active = hidden[h] as number;
    if (active <= 0) continue;
    gradient.w2[h] = (gradient.w2[h] as number) + slope * active;
    const back = slope * (gate.w2[h] as number);
    gradient.b1[h] = (gradient.b1[h] as number) + back;
    const start = h * inputs;
    for (let i = 0; i < inputs; i++)
      gradient.w1[start + i] = (gradient.w1[start + i] as number) + back * (row[i] as number);
  }
}

function meanLoss(gate: GateNetwork, { rows, labels }: LabelledRows, loss: GateLoss): number {
  const weights = classWeights(labels);
  const scores = gateScores(gate, rows);
  let sum = 0;
  for (const [i, score] of scores.entries()) {
    const label = labels[i] as number;
    const value =
      loss === "mse"
        ? (score - label) ** 2
        : Math.log1p(Math.exp(-Math.abs(score))) + Math.max(0, label === 1 ? -score : score);
    sum += (weights[label] as number) * value;
  }
  return sum / rows.length;
}

/** Factors by label that give both classes half of the mean. */
function classWeights(labels: readonly number[]): [number, number] {
  const positive = labels.reduce((a, b) => a + b, 0);
  return [
    labels.length / 2 / Math.max(1, labels.length - positive),
    labels.length / 2 / Math.max(1, positive),
  ];
}

function emptyLike({ w1, b1, w2, b2 }: GateNetwork): GateNetwork {
  const empty = (p: Float32Array) => new Float32Array(p.length);
  return { w1: empty(w1), b1: empty(b1), w2: empty(w2), b2: empty(b2) };
}

function copyOf({ w1, b1, w2, b2 }: GateNetwork): GateNetwork {
  return { w1: w1.slice(), b1: b1.slice(), w2: w2.slice(), b2: b2.slice() };
}
