// Noise as strong as a recipe: the same change at the same tokens, another way at every seed.

import { expect, test } from "bun:test";
import { noiseEdit } from "../../../eval/src/steering/noise.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";

const recipe = {
  doses: [
    { layer: 2, relative: 0.1 },
    { layer: 3, relative: 0.2 },
  ],
  course: { start: 4, holdTokens: 16, rest: 0 },
};
const medians = [1, 2, 50, 60];
const of = (seed: number) => noiseEdit(recipe, medians, { digest: "d", width: 64, seed });

test("every block is moved by its dose of the median norm, along the recipe's course and nowhere else", () => {
  const { program, strengths } = of(1);
  const seen = program.operations.map((operation, slot) => {
    const window = "answerWindow" in operation ? operation.answerWindow : undefined;
    return [operation.layer, operation.scope, window?.end, strengths[slot]?.coefficient];
  });
  expect(seen).toEqual([
    [2, Scope.LAST, undefined, 20],
    [2, Scope.DECODE, 16, 5],
    [3, Scope.LAST, undefined, 48],
    [3, Scope.DECODE, 16, 12],
  ]);
  for (const { vectors } of program.operations) {
    const values = new Float32Array(vectors.data.buffer);
    expect(values).toHaveLength(64);
    expect(Math.hypot(...values)).toBeCloseTo(1, 5);
  }
});

test("seeds and blocks have noises of their own, and a seed the same one again", () => {
  const first = (seed: number, slot: number) => [...(of(seed).program.operations[slot]?.vectors.data ?? [])];
  expect(first(1, 0)).toEqual(first(1, 0));
  expect(first(2, 0)).not.toEqual(first(1, 0));
  expect(first(1, 2)).not.toEqual(first(1, 0));
});
