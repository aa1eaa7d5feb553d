/** Arithmetic on rows that several methods share: means, centring, axes with the sign and length of a contrast. */
import { TrimtabError } from "#kit/errors.ts";
import { norm } from "../direction.ts";
import { firstAxis } from "./first-axis.ts";
import type { ContrastRows, LayerRows } from "./method.ts";

/** Rows of one block, by class. */
export interface BlockRows {
  readonly positive: readonly Float32Array[];
  readonly negative: readonly Float32Array[];
}

/** Rows of one block. @throws TrimtabError INVALID_ARGUMENT for an empty class, SHAPE_MISMATCH. */
export function blockRows(rows: ContrastRows, layer: number): BlockRows {
  return {
    positive: side(rows.positive, layer, "positive"),
    negative: side(rows.negative, layer, "negative"),
  };
}

/** A vector a block from its rows. */
export function byBlock(
  rows: ContrastRows,
  make: (rows: BlockRows, layer: number) => Float32Array,
): Map<number, Float32Array> {
  const layers = [...(rows.positive[0] ?? rows.negative[0] ?? new Map()).keys()] as number[];
  return new Map(layers.map((layer) => [layer, make(blockRows(rows, layer), layer)]));
}

/** Mean of rows, in f64. */
export function mean(rows: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (row[i] as number);
  return Float32Array.from(sum, (x) => x / rows.length);
}

/** Rows less a vector. */
export function center(rows: readonly Float32Array[], middle: Float32Array): Float32Array[] {
  return rows.map((row) => row.map((x, i) => x - (middle[i] as number)));
}

/** Scalar product in f64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** The strongest axis of centred rows as a direction: see `towards`. */
export function axisDirection(centred: readonly Float32Array[], classes: BlockRows): Float32Array {
  return towards(firstAxis(centred), classes);
}

/** An axis with the sign under which positives project higher, and the distance of the class means along it as length. */
export function towards(axis: Float32Array, { positive, negative }: BlockRows): Float32Array {
  const length = norm(axis);
  const distance = (dot(axis, mean(positive)) - dot(axis, mean(negative))) / (length || 1);
  return axis.map((x) => (x * distance) / (length || 1));
}

function side(samples: readonly LayerRows[], layer: number, name: string): Float32Array[] {
  if (samples.length === 0)
    throw new TrimtabError("INVALID_ARGUMENT", `no ${name} examples`, { field: name });
  const rows = samples.map((sample) => sample.get(layer));
  const width = rows[0]?.length;
  if (rows.every((row) => row !== undefined && row.length === width)) return rows as Float32Array[];
  throw new TrimtabError("SHAPE_MISMATCH", `${name}: block ${layer} is missing or has another width`, {
    field: name,
  });
}
