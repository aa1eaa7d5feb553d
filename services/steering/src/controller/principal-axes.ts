/**
 * The leading principal axes of a set of rows, by subspace iteration on their Gram matrix.
 *
 * A controller has thousands of inputs and a few hundred examples, which span a few hundred dimensions at most. It is
 * trained in the coordinates of the leading axes, which is fast and drops directions that only noise fills, and folded
 * back, so the exported network reads the residuals themselves.
 * Cost: n²·d for the Gram matrix and n²·k a round: under a second for 500 rows of 5760.
 */
import type { Random } from "./random.ts";

const ROUNDS = 30;
const TINY = 1e-9;

/** At most `count` orthonormal axes ([width] each), strongest first; fewer if the rows span less. */
export function principalAxes(rows: readonly Float32Array[], count: number, random: Random): Float32Array[] {
  const n = rows.length;
  const k = Math.min(count, n);
  const gram = gramMatrix(rows);
  let basis: Float64Array[] = Array.from({ length: k }, () =>
    Float64Array.from({ length: n }, () => random.normal()),
  );
  orthonormalise(basis);
  for (let round = 0; round < ROUNDS; round++) {
    basis = basis.map((vector) => multiply(gram, vector));
    orthonormalise(basis);
  }
  return basis
    .map((vector) => ({ vector, value: dot(vector, multiply(gram, vector)) }))
    .filter(({ value }, _, all) => value > TINY * Math.max(...all.map((each) => each.value)))
    .sort((a, b) => b.value - a.value)
    .map(({ vector, value }) => combine(rows, vector, 1 / Math.sqrt(value)));
}

/** Coordinates of a row along axes. */
export function project(row: Float32Array, axes: readonly Float32Array[]): Float32Array {
  return Float32Array.from(axes, (axis) => dotRows(axis, row));
}

function gramMatrix(rows: readonly Float32Array[]): Float64Array[] {
  const gram = rows.map(() => new Float64Array(rows.length));
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j <= i; j++) {
      const value = dotRows(rows[i] as Float32Array, rows[j] as Float32Array);
      (gram[i] as Float64Array)[j] = value;
      (gram[j] as Float64Array)[i] = value;
    }
  }
  return gram;
}

function multiply(matrix: readonly Float64Array[], vector: Float64Array): Float64Array {
  return Float64Array.from(matrix, (row) => dot(row, vector));
}

/** Gram-Schmidt in place, twice for accuracy; vectors that vanish become zero. */
function orthonormalise(basis: Float64Array[]): void {
  for (const [i, vector] of basis.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) subtract(vector, basis[j] as Float64Array);
    }
    const length = Math.sqrt(dot(vector, vector));
    for (let m = 0; m < vector.length; m++) vector[m] = length > 0 ? (vector[m] as number) / length : 0;
  }
}

function subtract(vector: Float64Array, other: Float64Array): void {
  const amount = dot(vector, other);
  for (let m = 0; m < vector.length; m++) vector[m] = (vector[m] as number) - amount * (other[m] as number);
}

function combine(rows: readonly Float32Array[], weights: Float64Array, factor: number): Float32Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const [r, row] of rows.entries()) {
    const weight = (weights[r] as number) * factor;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (row[i] as number);
  }
  return Float32Array.from(sum);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** The same for f32: one function for both types would be compiled for neither. */
function dotRows(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
