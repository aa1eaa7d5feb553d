// Directions against a plain f64 reference, doses, and the search over them.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Direction, median, norm } from "../../../services/steering/src/direction.ts";
import {
  coefficientOfDose,
  doseOfFactor,
  layerWeights,
  profileDoses,
} from "../../../services/steering/src/dose.ts";
import { METHODS } from "../../../services/steering/src/methods/index.ts";
import type { LayerRows } from "../../../services/steering/src/methods/method.ts";
import { type Measurement, successiveHalving } from "../../../services/steering/src/search.ts";
import { proportion } from "#kit/wilson.ts";

const WIDTH = 5;
const row = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: WIDTH, maxLength: WIDTH });
const rows = fc.array(row, { minLength: 1, maxLength: 8 });
const samples = (side: number[][]): LayerRows[] =>
  side.map(
    (values) => new Map([0, 1].map((layer) => [layer, Float32Array.from(values, (x) => x * (layer + 1))])),
  );

/** Mean difference, written the obvious way in f64. */
function reference(positive: number[][], negative: number[][], scale: number): number[] {
  const mean = (side: number[][], i: number) =>
    side.reduce((sum, values) => sum + Math.fround((values[i] as number) * scale), 0) / side.length;
  return Array.from({ length: WIDTH }, (_, i) => Math.fround(mean(positive, i) - mean(negative, i)));
}

test("contrast methods equal the plain mean difference", () => {
  fc.assert(
    fc.property(rows, rows, (positive, negative) => {
      for (const method of [METHODS.response_contrast, METHODS.prompt_contrast, METHODS.text_contrast]) {
        const fitted = method.fit({ positive: samples(positive), negative: samples(negative) }, 2);
        for (const layer of [0, 1])
          expect([...(fitted.get(layer) ?? [])]).toEqual(reference(positive, negative, layer + 1));
      }
    }),
    { seed: 7 },
  );
});

test("the output-embedding direction is one unit vector for all blocks, duplicates weigh twice", () => {
  const embed = (values: number[]): LayerRows => new Map([[0, Float32Array.from(values)]]);
  const fitted = METHODS.output_embedding.fit(
    { positive: [embed([3, 0]), embed([3, 0]), embed([0, 3])], negative: [embed([0, 0])] },
    4,
  );
  expect(fitted.size).toBe(4);
  const [x, y] = [2 / Math.sqrt(5), 1 / Math.sqrt(5)];
  for (const vector of fitted.values()) {
    expect(vector[0]).toBeCloseTo(x, 6);
    expect(vector[1]).toBeCloseTo(y, 6);
  }
});

test("C4 an empty side and rows of different widths are refused", () => {
  const one = samples([[1, 2, 3, 4, 5]]);
  expect(() => METHODS.response_contrast.fit({ positive: [], negative: one }, 2)).toThrow(
    "no positive examples",
  );
  const short = [
    new Map([
      [0, new Float32Array(4)],
      [1, new Float32Array(5)],
    ]),
  ];
  expect(() => METHODS.response_contrast.fit({ positive: one, negative: short }, 2)).toThrow("differs");
});

const direction: Direction = {
  modelDigest: "ab".repeat(32),
  method: "response_contrast",
  layers: 10,
  width: 2,
  raw: new Map(Array.from({ length: 10 }, (_, l) => [l, Float32Array.of(3 * (l + 1), 4 * (l + 1))])),
  medianResidualNorms: Float32Array.from({ length: 10 }, (_, l) => 20 * (l + 1)),
};

test("a dose is the change over the median residual norm, there and back", () => {
  // ‖raw_3‖ = 5 · 4 = 20, median 80: one raw vector is a dose of a quarter.
  const dose = doseOfFactor(direction, 3, 1);
  expect(dose).toEqual({ layer: 3, relative: 0.25 });
  expect(coefficientOfDose(direction, dose)).toBeCloseTo(norm([12, 16]), 9);
});

test("a profile is the same window of blocks at every depth, cut at the ends", () => {
  const layers = (center: number, blocks: number) =>
    profileDoses(direction, { center, blocks, factor: 1 }).map((dose) => dose.layer);
  expect(layers(0.5, 1)).toEqual([5]);
  expect(layers(0.5, 4)).toEqual([3, 4, 5, 6]);
  expect(layers(0, 3)).toEqual([0, 1]);
  expect([
    ...layerWeights(
      [
        { layer: 1, relative: 0.1 },
        { layer: 2, relative: 0.4 },
      ],
      4,
    ),
  ]).toEqual([0, 0.25, 1, 0]);
});

test("the search keeps the best that stays under the caps", async () => {
  const behaviour: Record<string, Measurement> = {
    weak: { hits: 1, trials: 10, repetition: 0, perplexityRatio: 1.01 },
    good: { hits: 8, trials: 10, repetition: 0.02, perplexityRatio: 1.2 },
    loops: { hits: 10, trials: 10, repetition: 0.6, perplexityRatio: 1.5 },
    breaks: { hits: 10, trials: 10, repetition: 0, perplexityRatio: 9 },
  };
  const seen: number[] = [];
  const ranked = await successiveHalving(
    Object.keys(behaviour),
    [
      { prompts: 4, survivors: 2 },
      { prompts: 8, survivors: 1 },
    ],
    { repetition: 0.2, perplexityRatio: 3 },
    (names, from, count) => {
      seen.push(names.length, from, count);
      return Promise.resolve(names.map((name) => behaviour[name] as Measurement));
    },
  );
  expect(ranked.map(({ candidate }) => candidate)).toEqual(["good"]);
  expect(ranked[0]?.measured.trials).toBe(20);
  expect(seen).toEqual([4, 0, 4, 2, 4, 8]);
});

test("medians and Wilson intervals match known values", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 2, 9])).toBe(3);
  // 8 of 10: 0.4902 to 0.9433 (published table of the Wilson interval).
  const { lower, upper } = proportion(8, 10);
  expect(lower).toBeCloseTo(0.4902, 4);
  expect(upper).toBeCloseTo(0.9433, 4);
});
