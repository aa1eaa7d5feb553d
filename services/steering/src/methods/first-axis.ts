/**
 * The strongest axis of a set of rows, found to the last digits however near the second is: conjugate gradients on the Rayleigh
 * quotient of the rows' Gram matrix, or of their scatter matrix where there are more rows than dimensions. Plain power iteration
 * would need hundreds of rounds for two axes within a few per cent of each other.
 * Cost: m²·max(n, d)/2 for the matrix, m = min(n, d), and 2·m² a round, some tens of them.
 */
import { combine, gramMatrix, inner, multiply } from "../controller/principal-axes.ts";
import { createRandom } from "../controller/random.ts";

/** Seed of the start. */
const SEED = 1;
/** Where the residual is this small a part of the axis's strength, it has been found. */
const RESIDUAL = 1e-9;
/** Rounds a dimension, were it never to be. */
const ROUNDS = 8;

/** The strongest axis of rows as they are, of length 1; zeros if all rows are zero. */
export function firstAxis(rows: readonly Float32Array[]): Float32Array {
  const width = rows[0]?.length ?? 0;
  const isLong = rows.length > width;
  const found = firstEigenvector(gramMatrix(isLong ? columnsOf(rows, width) : rows));
  if (!found) return new Float32Array(width);
  return isLong ? Float32Array.from(found.vector) : combine(rows, found.vector, 1 / Math.sqrt(found.value));
}

/** The eigenvector of the largest value of a symmetric matrix without negative ones; undefined of the zero matrix. */
function firstEigenvector(
  matrix: readonly Float64Array[],
): { readonly vector: Float64Array; readonly value: number } | undefined {
  const random = createRandom(SEED);
  let vector = scaled(Float64Array.from(matrix, () => random.normal()));
  let step: Float64Array | undefined;
  let before = 0;
  let value = 0;
  for (let round = 0; round < ROUNDS * matrix.length + ROUNDS; round++) {
    const product = multiply(matrix, vector);
    value = inner(vector, product);
    const residual = less(product, value, vector);
    const squares = inner(residual, residual);
    if (Math.sqrt(squares) <= RESIDUAL * value) break;
    const along = step ? less(residual, -squares / before, step) : residual;
    const direction = scaled(less(along, inner(along, vector), vector));
    const [slope, strength] = [inner(direction, product), inner(direction, multiply(matrix, direction))];
    // The best of the plane of both, exactly.
    const angle = Math.atan2(2 * slope, value - strength) / 2;
    const [own, other] = [Math.cos(angle), Math.sin(angle)];
    vector = scaled(vector.map((x, i) => own * x + other * (direction[i] as number)));
    [step, before] = [along, squares];
  }
  return value > 0 ? { vector, value } : undefined;
}

/** a − amount · b */
function less(a: Float64Array, amount: number, b: Float64Array): Float64Array {
  return a.map((x, i) => x - amount * (b[i] as number));
}

function scaled(vector: Float64Array): Float64Array {
  const length = Math.sqrt(inner(vector, vector)) || 1;
  return vector.map((x) => x / length);
}

function columnsOf(rows: readonly Float32Array[], width: number): Float32Array[] {
  return Array.from({ length: width }, (_, i) => Float32Array.from(rows, (row) => row[i] as number));
}
