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
  const current = new Float64Array(width + 1);
  const ahead = new Float64Array(width + 1);
  for (let round = 0; round < rounds; round++) {
    const gradient = ahead.map((weight, at) => (at < width ? penalty * weight : 0));
    for (const [index, row] of rows.entries()) {
      const label = labels[index] === true;
      const score = dot(row, ahead) + ahead[width]!;
      const slope = weightOf(label) * ((label ? 0 : 1) - 1 / (1 + Math.exp(score)));
      for (let i = 0; i < row.at.length; i++) gradient[row.at[i]!]! += slope * row.values[i]!;
      gradient[width]! += slope;
    }
    const momentum = round / (round + 3);
    for (let at = 0; at <= width; at++) {
      const next = ahead[at]! - step * gradient[at]!;
      ahead[at] = next + momentum * (next - current[at]!);
      current[at] = next;
    }
  }
  return { weights: current.subarray(0, width), bias: current[width]! };
}

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
