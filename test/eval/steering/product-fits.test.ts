// Fits on inner products: the same models as fits on the rows themselves.

import { expect, test } from "bun:test";
import { fitProbe } from "../../../eval/src/steering/linear-probe.ts";
import { denseRow, fitLogistic, scoreOf } from "../../../eval/src/steering/logistic.ts";
import { fitProducts, productsOf } from "../../../eval/src/steering/product-fits.ts";
import { createRandom } from "../../../eval/src/random.ts";

const SEED = 12;
const WIDTH = 7;
const SETTINGS = { penalty: 0.1, rounds: 40 };
const random = createRandom(SEED);
const isPositive = (at: number): boolean => at % 3 === 0;
const rows = Array.from({ length: 50 }, (_, at) =>
  Float32Array.from(
    { length: WIDTH },
    (_, i) => 3 * i + (1 + i) * (random.next() + (isPositive(at) ? 0.2 : 0)),
  ),
);
const idOf = (at: number): string => `row-${at}`;
const byId = new Map(rows.map((row, at) => [idOf(at), row]));
const fitted = rows.slice(0, 40);
const products = productsOf(
  byId,
  fitted.map((_, at) => idOf(at)),
);

test(`two classes are told apart as by a fit to the rows, also where nothing was learned from (seed ${SEED})`, () => {
  const examples = fitted.map((_, at) => ({ id: idOf(at), isPositive: isPositive(at) }));
  const probe = fitProducts(products, examples, SETTINGS);
  const expected = fitProbe(
    fitted,
    fitted.map((_, at) => isPositive(at)),
    SETTINGS,
  );
  for (const [at, row] of rows.entries()) expect(probe(idOf(at))).toBeCloseTo(expected(row), 4);
});

test("differences within pairs are fitted as the differences and their opposites are", () => {
  const pairs = Array.from({ length: 13 }, (_, at) => ({
    id: idOf(3 * at),
    isPositive: true,
    minus: idOf(3 * at + 1),
  }));
  const probe = fitProducts(products, pairs, SETTINGS);
  const spread = Float64Array.from({ length: WIDTH }, (_, i) => {
    const mean = fitted.reduce((sum, row) => sum + row[i]!, 0) / fitted.length;
    return Math.sqrt(fitted.reduce((sum, row) => sum + (row[i]! - mean) ** 2, 0) / fitted.length);
  });
  const apart = (one: Float32Array, other: Float32Array) => one.map((x, i) => (x - other[i]!) / spread[i]!);
  const differences = pairs.map((_, at) => apart(rows[3 * at]!, rows[3 * at + 1]!));
  const both = [...differences, ...differences.map((row) => row.map((x) => -x))].map(denseRow);
  const labels = both.map((_, at) => at < differences.length);
  const expected = fitLogistic(both, labels, { width: WIDTH, ...SETTINGS });
  // Between two prompts, as the score has no zero of its own.
  for (let at = 1; at < rows.length; at++)
    expect(probe(idOf(at)) - probe(idOf(0))).toBeCloseTo(
      scoreOf(expected, denseRow(apart(rows[at]!, rows[0]!))),
      4,
    );
});
