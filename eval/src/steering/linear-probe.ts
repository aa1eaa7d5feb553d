/** A linear probe: logistic regression on standardised rows. */
import { denseRow, fitLogistic, scoreOf } from "./logistic.ts";

/** Log-odds of the positive class for a row. */
export type Probe = (row: Float32Array) => number;

/** Fits; rows f32 [width]. @throws RangeError if a class is empty. */
export function fitProbe(
  rows: readonly Float32Array[],
  labels: readonly boolean[],
  settings: { readonly penalty: number; readonly rounds: number },
): Probe {
  const { width, scaled } = scalingOf(rows);
  const model = fitLogistic(
    rows.map((row) => denseRow(scaled(row))),
    labels,
    { width, ...settings },
  );
  return (row) => scoreOf(model, denseRow(scaled(row)));
}

/** Takes the mean of each component off a row and divides by its spread, both over `rows`. */
export function scalingOf(rows: readonly Float32Array[]): {
  readonly width: number;
  readonly scaled: (row: Float32Array) => Float32Array;
} {
  const width = rows[0]?.length ?? 0;
  const mean = new Float64Array(width);
  const variances = new Float64Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i]! += row[i]! / rows.length;
  for (const row of rows)
    for (let i = 0; i < width; i++) variances[i]! += (row[i]! - mean[i]!) ** 2 / rows.length;
  const deviation = variances.map((variance) => Math.sqrt(variance) || 1);
  return { width, scaled: (row) => row.map((value, i) => (value - mean[i]!) / deviation[i]!) };
}
