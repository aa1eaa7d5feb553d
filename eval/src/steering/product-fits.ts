/**
 * Many probes on the same prompts: logistic regression on the inner products of their rows, which are made once.
 *
 *   w = Σ a_j x_j,   w·x = Σ a_j (x_j·x)
 *
 * The steps are those of logistic.ts, taken by a in place of w: amounts of the examples, and the bias. Rows are standardised by some of them, the same for every fit. Cost:
 * rows² × width / 2 once, then rounds × examples² a fit, whatever the width.
 */
import { scalingOf } from "./linear-probe.ts";
import { descend, slopeOf } from "./logistic.ts";

const FEW = 16;

/** Inner products of standardised rows. */
export interface RowProducts {
  /** Where a prompt's products are, by id. */
  readonly places: ReadonlyMap<string, number>;
  /** f32 [rows, rows]. */
  readonly products: readonly Float32Array[];
}

/** What is learned from: a prompt's row, or what sets it apart from another's. */
export interface Example {
  readonly id: string;
  readonly isPositive: boolean;
  /** The id of the prompt whose row is taken off. */
  readonly minus?: string;
}

/** Log-odds of the positive class, by id; after differences they have no zero of their own. */
export type ProductProbe = (id: string) => number;

/** Products of all rows, f32 [width] by id, standardised by those of `standard`. */
export function productsOf(
  rows: ReadonlyMap<string, Float32Array>,
  standard: readonly string[],
): RowProducts {
  const scaling = scalingOf(standard.map((id) => rows.get(id)!));
  const scaled = [...rows.values()].map(scaling.scaled);
  const wide = scaled.map((row) => Float64Array.from(row));
  const products = scaled.map(() => new Float32Array(scaled.length));
  // A few rows with all of the others: the few stay in the cache.
  for (let from = 0; from < scaled.length; from += FEW)
    for (let to = from; to < scaled.length; to++)
      for (let at = from; at < Math.min(from + FEW, to + 1); at++)
        products[at]![to] = products[to]![at] = dot(scaled[at]!, wide[to]!);
  return { places: new Map([...rows.keys()].map((id, at) => [id, at])), products };
}

/** Fits; classes weigh alike, and examples of one class alone are fitted without a bias. */
export function fitProducts(
  { places, products }: RowProducts,
  examples: readonly Example[],
  { penalty, rounds }: { readonly penalty: number; readonly rounds: number },
): ProductProbe {
  const own = examples.map(({ id, minus }) => [id, minus].map((one) => places.get(one!)));
  /** Products of the examples with a row. */
  const against = (place: number): Float32Array => {
    const row = products[place]!;
    return Float32Array.from(own, ([plus, minus]) => row[plus!]! - (minus === undefined ? 0 : row[minus]!));
  };
  const kernel = own.map(([plus, minus]) => {
    const first = against(plus!);
    if (minus === undefined) return first;
    const second = against(minus);
    return first.map((value, at) => value - second[at]!);
  });
  const n = kernel.length;
  const positives = examples.filter(({ isPositive }) => isPositive).length;
  const isTwoClasses = positives > 0 && positives < n;
  const step = 1 / (Math.max(...kernel.map((row, at) => row[at]!)) / 4 + 0.25 + penalty);
  const fitted = descend(n + 1, step, rounds, (ahead, gradient) => {
    for (const [at, { isPositive }] of examples.entries()) {
      const weight = isTwoClasses ? 0.5 / (isPositive ? positives : n - positives) : 1 / n;
      const slope = weight * slopeOf(isPositive, dot(kernel[at]!, ahead) + ahead[n]!);
      gradient[at] = slope + penalty * ahead[at]!;
      if (isTwoClasses) gradient[n]! += slope;
    }
  });
  return (id) => dot(against(places.get(id)!), fitted) + fitted[n]!;
}

/** Inner product over the entries of the first; four sums at a time, so that none waits for the one before. */
function dot(row: Float32Array, other: Float64Array): number {
  const whole = row.length - (row.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += row[i]! * other[i]!;
    b += row[i + 1]! * other[i + 1]!;
    c += row[i + 2]! * other[i + 2]!;
    d += row[i + 3]! * other[i + 3]!;
  }
  for (let i = whole; i < row.length; i++) a += row[i]! * other[i]!;
  return a + b + (c + d);
}
