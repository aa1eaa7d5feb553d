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

/**
 * Fits to pairs of rows that differ in what is asked for and in little else: the difference within a pair is to point one way.
 * Rows are standardised by all of them; the score has no zero of its own. @throws RangeError if there are no pairs.
 */
export function fitPairs(
  positives: readonly Float32Array[],
  negatives: readonly Float32Array[],
  settings: { readonly penalty: number; readonly rounds: number },
): Probe {
  const { width, scaled } = scalingOf([...positives, ...negatives]);
  const differences = positives.map((row, at) => {
    const [one, other] = [scaled(row), scaled(negatives[at]!)];
    return one.map((value, i) => value - other[i]!);
  });
  // Each difference and its opposite: what tells them apart is a direction alone.
  const both = [...differences, ...differences.map((row) => row.map((value) => -value))];
  const labels = both.map((_, at) => at < differences.length);
  const model = fitLogistic(both.map(denseRow), labels, { width, ...settings });
  return (row) => scoreOf(model, denseRow(scaled(row)));
}

/** Takes the mean of each component off a row and divides by its spread, both over `rows`. */
function scalingOf(rows: readonly Float32Array[]): {
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
