/**
 * Logistic regression with labels between 0 and 1 and an L2 penalty, by Nesterov's accelerated gradient with the step of the
 * largest curvature (power iteration). Deterministic. Cost: iterations × rows × width multiplications, twice.
 */

/** Rows of features, one after the other, and their labels. */
export interface Rows {
  /** [rows, width], row by row. */
  readonly features: Float32Array;
  readonly labels: readonly number[];
  readonly width: number;
}

/** weights · row + bias is the logit. */
export interface LinearModel {
  readonly weights: Float64Array;
  readonly bias: number;
}

const ITERATIONS = 200;
const POWER_ITERATIONS = 12;

/** Fits the model; `l2` is the penalty on the mean squared weight, per row. */
export function fitLogistic({ features, labels, width }: Rows, l2: number): LinearModel {
  const rows = labels.length;
  const curvature = 0.25 * (largestEigenvalue(features, rows, width) + 1) + l2;
  let weights = new Float64Array(width + 1);
  let ahead = weights;
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const gradient = gradientAt(ahead, features, labels, width, l2);
    const next = ahead.map((value, at) => value - (gradient[at] ?? 0) / curvature);
    const momentum = iteration / (iteration + 3);
    const from = weights;
    ahead = next.map((value, at) => value + momentum * (value - (from[at] ?? 0)));
    weights = next;
  }
  return { weights: weights.slice(0, width), bias: weights[width] ?? 0 };
}

/** The logit of every row. */
export function logitsOf({ weights, bias }: LinearModel, { features, labels, width }: Rows): number[] {
  return labels.map((_, row) => dot(weights, features, row * width, width) + bias);
}

/** Gradient of the mean loss; the last entry is the bias, which is not penalized. */
function gradientAt(
  at: Float64Array,
  features: Float32Array,
  labels: readonly number[],
  width: number,
  l2: number,
): Float64Array {
  const gradient = at.map((weight, index) => (index < width ? l2 * weight : 0));
  for (const [row, label] of labels.entries()) {
    const logit = dot(at, features, row * width, width) + (at[width] ?? 0);
    const error = (1 / (1 + Math.exp(-logit)) - label) / labels.length;
    for (let i = 0, from = row * width; i < width; i++) gradient[i]! += error * features[from + i]!;
    gradient[width]! += error;
  }
  return gradient;
}

/** Of the features' second moment (X'X / rows). */
function largestEigenvalue(features: Float32Array, rows: number, width: number): number {
  let vector = new Float64Array(width).fill(1 / Math.sqrt(width));
  let norm = 0;
  for (let iteration = 0; iteration < POWER_ITERATIONS; iteration++) {
    const next = new Float64Array(width);
    for (let row = 0; row < rows; row++) {
      const along = dot(vector, features, row * width, width) / rows;
      for (let i = 0, from = row * width; i < width; i++) next[i]! += along * features[from + i]!;
    }
    norm = Math.hypot(...next);
    if (norm === 0) return 0;
    vector = next.map((value) => value / norm);
  }
  return norm;
}

function dot(weights: Float64Array, features: Float32Array, from: number, width: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += weights[i]! * features[from + i]!;
  return sum;
}
