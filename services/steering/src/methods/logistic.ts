/**
 * Logistic regression with a ridge, by accelerated gradient descent on standardised features (so one step size fits
 * all): minimises mean log(1 + exp(−y (w·z + b))) + ridge/2 ‖w‖². Classes weigh the same whatever their sizes.
 */
import type { BlockRows } from "./rows.ts";

/** A probe: class 1 where weights·row + bias > 0. */
export interface LogisticProbe {
  /** [width], in terms of the rows as they are. */
  readonly weights: Float32Array;
  readonly bias: number;
}

const RIDGE = 1e-2;
const ITERATIONS = 80;
const MOMENTUM = 0.9;

/** Fits a probe to two classes of rows. */
export function fitLogistic({ positive, negative }: BlockRows): LogisticProbe {
  const rows = [...positive, ...negative];
  const width = rows[0]?.length ?? 0;
  const { mean, deviation } = moments(rows, width);
  const z = rows.map((row) =>
    Float32Array.from(row, (x, i) => (x - (mean[i] as number)) / (deviation[i] as number)),
  );
  // The curvature of the loss is at most a quarter of the features' mean square, which is their number.
  const step = 1 / (0.25 * (width + 1) + RIDGE);
  const w = new Float64Array(width);
  const velocity = new Float64Array(width + 1);
  let bias = 0;
  for (let round = 0; round < ITERATIONS; round++) {
    const gradient = new Float64Array(width + 1);
    for (const [n, row] of z.entries()) {
      const isPositive = n < positive.length;
      let score = bias;
      for (let i = 0; i < width; i++) score += (w[i] as number) * (row[i] as number);
      const error = 1 / (1 + Math.exp(-score)) - (isPositive ? 1 : 0);
      const weight = error / (2 * (isPositive ? positive.length : negative.length));
      for (let i = 0; i < width; i++) gradient[i] = (gradient[i] as number) + weight * (row[i] as number);
      gradient[width] = (gradient[width] as number) + weight;
    }
    for (let i = 0; i <= width; i++) {
      const slope = (gradient[i] as number) + (i < width ? RIDGE * (w[i] as number) : 0);
      velocity[i] = MOMENTUM * (velocity[i] as number) - step * slope;
      if (i < width) w[i] = (w[i] as number) + (velocity[i] as number);
      else bias += velocity[i] as number;
    }
  }
  const weights = Float32Array.from(w, (x, i) => x / (deviation[i] as number));
  const shift = weights.reduce((sum, x, i) => sum + x * (mean[i] as number), 0);
  return { weights, bias: bias - shift };
}

/** Fraction of rows on their side of the probe, classes weighing the same. */
export function probeAccuracy({ weights, bias }: LogisticProbe, { positive, negative }: BlockRows): number {
  const score = (row: Float32Array) => row.reduce((sum, x, i) => sum + x * (weights[i] as number), bias);
  const above = (rows: readonly Float32Array[]) =>
    rows.filter((row) => score(row) > 0).length / Math.max(1, rows.length);
  return (above(positive) + 1 - above(negative)) / 2;
}

/** Mean log loss of the probe on rows, classes weighing the same. */
export function probeLoss({ weights, bias }: LogisticProbe, { positive, negative }: BlockRows): number {
  const mean = (rows: readonly Float32Array[], sign: number) =>
    rows.reduce((sum, row) => {
      const score = sign * row.reduce((all, x, i) => all + x * (weights[i] as number), bias);
      return sum + Math.log1p(Math.exp(-Math.abs(score))) + Math.max(0, -score);
    }, 0) / Math.max(1, rows.length);
  return (mean(positive, 1) + mean(negative, -1)) / 2;
}

function moments(rows: readonly Float32Array[], width: number) {
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (const row of rows) {
    for (let i = 0; i < width; i++) {
      mean[i] = (mean[i] as number) + (row[i] as number) / rows.length;
      square[i] = (square[i] as number) + (row[i] as number) ** 2 / rows.length;
    }
  }
  const deviation = mean.map((m, i) => Math.sqrt(Math.max(0, (square[i] as number) - m * m)) || 1);
  return { mean, deviation };
}
