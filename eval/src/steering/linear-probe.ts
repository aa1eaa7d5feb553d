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
  const { mean, spread } = scalingOf(rows);
  const scaled = (row: Float32Array) => denseRow(row.map((value, i) => (value - mean[i]!) / spread[i]!));
  const model = fitLogistic(rows.map(scaled), labels, { width: mean.length, ...settings });
  return (row) => scoreOf(model, scaled(row));
}

/** Mean and spread of each component. */
function scalingOf(rows: readonly Float32Array[]): {
  readonly mean: Float64Array;
  readonly spread: Float64Array;
} {
  const width = rows[0]?.length ?? 0;
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i]! += row[i]! / rows.length;
  for (const row of rows)
    for (let i = 0; i < width; i++) spread[i]! += (row[i]! - mean[i]!) ** 2 / rows.length;
  return { mean, spread: spread.map((variance) => Math.sqrt(variance) || 1) };
}
