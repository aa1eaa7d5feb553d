/**
 * Logistic regression with an L2 penalty, for gates on text and on activations.
 *
 *   minimise  mean log(1 + exp(−y (w·x + b))) + λ/2 ‖w‖²,   y = ±1
 *
 * Full-batch gradient descent with Nesterov's momentum; the step is the inverse of the loss's largest curvature,
 * max ‖x‖²/4 + λ, so it converges without tuning. Cost: rounds × non-zero entries.
 */

/** A row with few non-zero entries. */
export interface SparseRow {
  readonly at: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** A fitted model: score = w·x + b. */
export interface Logistic {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Dense row as a sparse one. */
export const denseRow = (values: ArrayLike<number>): SparseRow => ({
  at: Uint32Array.from({ length: values.length }, (_, index) => index),
  values,
});

/** Fits; both classes weigh alike. @throws RangeError if a class is empty. */
export function fitLogistic(
  rows: readonly SparseRow[],
  labels: readonly boolean[],
  { width, penalty, rounds }: { readonly width: number; readonly penalty: number; readonly rounds: number },
): Logistic {
  const positives = labels.filter(Boolean).length;
  if (positives === 0 || positives === labels.length) throw new RangeError("one class is empty");
  const weightOf = (label: boolean): number => 0.5 / (label ? positives : labels.length - positives);
  const step = 1 / (Math.max(...rows.map(squaredNorm)) / 4 + 0.25 + penalty);
  const fitted = descend(width + 1, step, rounds, (ahead, gradient) => {
    for (let at = 0; at < width; at++) gradient[at] = penalty * ahead[at]!;
    for (const [index, row] of rows.entries()) {
      const label = labels[index] === true;
      const slope = weightOf(label) * slopeOf(label, dot(row, ahead) + ahead[width]!);
      for (let i = 0; i < row.at.length; i++) gradient[row.at[i]!]! += slope * row.values[i]!;
      gradient[width]! += slope;
    }
  });
  return { weights: fitted.subarray(0, width), bias: fitted[width]! };
}

/** Gradient descent with Nesterov's momentum from zero; `slope` adds the gradient ahead to what is zero. */
export function descend(
  size: number,
  step: number,
  rounds: number,
  slope: (ahead: Float64Array, gradient: Float64Array) => void,
): Float64Array {
  const current = new Float64Array(size);
  const ahead = new Float64Array(size);
  for (let round = 0; round < rounds; round++) {
    const gradient = new Float64Array(size);
    slope(ahead, gradient);
    const momentum = round / (round + 3);
    for (let at = 0; at < size; at++) {
      const next = ahead[at]! - step * gradient[at]!;
      ahead[at] = next + momentum * (next - current[at]!);
      current[at] = next;
    }
  }
  return current;
}

/** Slope of the loss of an example in its score. */
export const slopeOf = (label: boolean, score: number): number => (label ? 0 : 1) - 1 / (1 + Math.exp(score));

/** Log-odds of the positive class. */
export const scoreOf = ({ weights, bias }: Logistic, row: SparseRow): number => dot(row, weights) + bias;

function dot({ at, values }: SparseRow, weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < at.length; i++) sum += weights[at[i]!]! * values[i]!;
  return sum;
}

function squaredNorm({ values }: SparseRow): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum;
}
