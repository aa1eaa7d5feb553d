/**
 * Many probes on the same prompts: logistic regression on the inner products of their rows, which are made once.
 *
 *   w = Σ a_j x_j,   w·x = Σ a_j (x_j·x)
 *
 * The steps are those of logistic.ts, taken by a in place of w. Rows are standardised by some of them, the same for every fit. Cost:
 * rows² × width / 2 once, then rounds × examples² a fit, whatever the width.
 */
import { scalingOf } from "./linear-probe.ts";

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
  const { amounts, bias } = descend(
    kernel,
    examples.map(({ isPositive }) => isPositive),
    { penalty, rounds },
  );
  return (id) => dot(against(places.get(id)!), amounts) + bias;
}

/** Gradient descent with Nesterov's momentum on the amounts of the examples in w, and on the bias. */
function descend(
  kernel: readonly Float32Array[],
  labels: readonly boolean[],
  { penalty, rounds }: { readonly penalty: number; readonly rounds: number },
): { readonly amounts: Float64Array; readonly bias: number } {
  const n = kernel.length;
  const positives = labels.filter(Boolean).length;
  const isTwoClasses = positives > 0 && positives < n;
  const weights = labels.map((label) => (isTwoClasses ? 0.5 / (label ? positives : n - positives) : 1 / n));
  const step = 1 / (Math.max(...kernel.map((row, at) => row[at]!)) / 4 + 0.25 + penalty);
  const current = new Float64Array(n + 1);
  const ahead = new Float64Array(n + 1);
  const slopes = new Float64Array(n + 1);
  for (let round = 0; round < rounds; round++) {
    slopes[n] = 0;
    for (let at = 0; at < n; at++) {
      const score = dot(kernel[at]!, ahead) + ahead[n]!;
      slopes[at] = weights[at]! * ((labels[at]! ? 0 : 1) - 1 / (1 + Math.exp(score)));
      if (isTwoClasses) slopes[n]! += slopes[at]!;
    }
    const momentum = round / (round + 3);
    for (let at = 0; at <= n; at++) {
      const next = ahead[at]! - step * (slopes[at]! + (at < n ? penalty * ahead[at]! : 0));
      ahead[at] = next + momentum * (next - current[at]!);
      current[at] = next;
    }
  }
  return { amounts: current.subarray(0, n), bias: current[n]! };
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
