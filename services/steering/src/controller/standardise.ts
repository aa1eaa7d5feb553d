/** Mean and standard deviation of every input feature, so that no block outshouts the others. */

/** Statistics of features, [width] each. */
export interface FeatureStatistics {
  readonly mean: Float32Array;
  /** > 0 */
  readonly std: Float32Array;
}

/** Features that hardly vary are divided by this fraction of the typical deviation at least; where none varies, by 1. */
const FLOOR = 1e-3;

/** Statistics of `rows` ([width] each), accumulated in f64. */
export function featureStatistics(rows: readonly Float32Array[], width: number): FeatureStatistics {
  const sum = new Float64Array(width);
  const squares = new Float64Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) sum[i] = (sum[i] as number) + (row[i] as number);
  const mean = Float32Array.from(sum, (x) => x / rows.length);
  for (const row of rows) {
    for (let i = 0; i < width; i++)
      squares[i] = (squares[i] as number) + ((row[i] as number) - (mean[i] as number)) ** 2;
  }
  const deviations = Float64Array.from(squares, (x) => Math.sqrt(x / rows.length));
  const typical = deviations.reduce((a, b) => a + b, 0) / width;
  const floor = Math.fround(FLOOR * typical) || 1;
  return { mean, std: Float32Array.from(deviations, (x) => Math.max(x, floor)) };
}

/** Rows minus mean over standard deviation. */
export function standardise(rows: readonly Float32Array[], { mean, std }: FeatureStatistics): Float32Array[] {
  return rows.map((row) => row.map((x, i) => (x - (mean[i] as number)) / (std[i] as number)));
}
