/**
 * The leading principal axes of a set of rows, by subspace iteration on their Gram matrix.
 *
 * A controller has thousands of inputs and a few hundred examples, which span a few hundred dimensions at most. It is
 * trained in the coordinates of the leading axes, which is fast and drops directions that only noise fills, and folded
 * back, so the exported network reads the residuals themselves.
 * Cost: n²·d/2 for the Gram matrix and n²·k + 2·n·k² a round, some 10⁹ of these a second.
 */
import type { Random } from "./random.ts";

const ROUNDS = 30;
/** Rounds end once one adds less than this part to what the axes hold of the rows' squares. */
const GAIN = 1e-3;
const TINY = 1e-9;

/**
 * At most `count` axes of length 1 ([width] each), strongest first; fewer if the rows span less. They are orthogonal only as far as the
 * rounds have told them apart. Together they are what a controller needs; single ones that are nearly as strong as each other are not told apart (`methods/first-axis.ts` does that for the first).
 */
export function principalAxes(rows: readonly Float32Array[], count: number, random: Random): Float32Array[] {
  const n = rows.length;
  const k = Math.min(count, n);
  const gram = gramMatrix(rows);
  let basis: Float64Array[] = Array.from({ length: k }, () =>
    Float64Array.from({ length: n }, () => random.normal()),
  );
  orthonormalise(basis);
  let products = basis.map((vector) => multiply(gram, vector));
  let before = 0;
  for (let round = 0; round < ROUNDS; round++) {
    basis = products;
    orthonormalise(basis);
    products = basis.map((vector) => multiply(gram, vector));
    const held = basis.reduce((sum, vector, i) => sum + inner(vector, products[i] as Float64Array), 0);
    if (held - before < GAIN * held) break;
    before = held;
  }
  return basis
    .map((vector, i) => ({ vector, value: inner(vector, products[i] as Float64Array) }))
    .filter(({ value }, _, all) => value > TINY * Math.max(...all.map((each) => each.value)))
    .sort((a, b) => b.value - a.value)
    .map(({ vector, value }) => combine(rows, vector, 1 / Math.sqrt(value)));
}

/** Coordinates of rows along axes, [axes] each. */
export function project(rows: readonly Float32Array[], axes: readonly Float32Array[]): Float32Array[] {
  const wide = widened(axes);
  const along = new Float64Array(axes.length);
  return rows.map((row) => {
    dots(Float64Array.from(row), wide, wide.length, along);
    return Float32Array.from(along);
  });
}

/** Inner products of all rows, in f64. */
export function gramMatrix(rows: readonly Float32Array[]): Float64Array[] {
  const wide = widened(rows);
  const gram = rows.map(() => new Float64Array(rows.length));
  for (let i = 0; i < wide.length; i++) {
    const own = gram[i] as Float64Array;
    dots(wide[i] as Float64Array, wide, i + 1, own);
    for (let j = 0; j < i; j++) (gram[j] as Float64Array)[i] = own[j] as number;
  }
  return gram;
}

/** A matrix times a vector. */
export function multiply(matrix: readonly Float64Array[], vector: Float64Array): Float64Array {
  const product = new Float64Array(matrix.length);
  dots(vector, matrix, matrix.length, product);
  return product;
}

/** Gram-Schmidt in place, twice for accuracy; vectors that vanish become zero. */
function orthonormalise(basis: Float64Array[]): void {
  for (const [i, vector] of basis.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) subtract(vector, basis[j] as Float64Array);
    }
    const length = Math.sqrt(inner(vector, vector));
    for (let m = 0; m < vector.length; m++) vector[m] = length > 0 ? (vector[m] as number) / length : 0;
  }
}

function subtract(vector: Float64Array, other: Float64Array): void {
  const amount = inner(vector, other);
  for (let m = 0; m < vector.length; m++) vector[m] = (vector[m] as number) - amount * (other[m] as number);
}

/** Σ factor · weight · row */
export function combine(rows: readonly Float32Array[], weights: Float64Array, factor: number): Float32Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const [r, row] of rows.entries()) {
    const weight = (weights[r] as number) * factor;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (row[i] as number);
  }
  return Float32Array.from(sum);
}

/** Inner products with the first `count` others: four at a time, because a sum waits for itself, four do not for each other. */
function dots(own: Float64Array, others: readonly Float64Array[], count: number, into: Float64Array): void {
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const a = others[j] as Float64Array;
    const b = others[j + 1] as Float64Array;
    const c = others[j + 2] as Float64Array;
    const d = others[j + 3] as Float64Array;
    let p = 0;
    let q = 0;
    let r = 0;
    let s = 0;
    for (let i = 0; i < own.length; i++) {
      const value = own[i] as number;
      p += value * (a[i] as number);
      q += value * (b[i] as number);
      r += value * (c[i] as number);
      s += value * (d[i] as number);
    }
    into[j] = p;
    into[j + 1] = q;
    into[j + 2] = r;
    into[j + 3] = s;
  }
  for (; j < count; j++) into[j] = inner(own, others[j] as Float64Array);
}

/** Inner product. */
export function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function widened(rows: readonly Float32Array[]): Float64Array[] {
  return rows.map((row) => Float64Array.from(row));
}
