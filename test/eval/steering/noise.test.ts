// Controls as strong as a recipe: the same change at the same tokens, towards whatever vector is given.

import { expect, test } from "bun:test";
import { courseEdit, unitNoise } from "../../../eval/src/steering/noise.ts";
import { createRandom } from "../../../eval/src/random.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";

const WIDTH = 64;
const strength = {
  doses: [
    { layer: 2, relative: 0.1 },
    { layer: 3, relative: 0.2 },
  ],
  course: { start: 4, holdTokens: 16, rest: 0, ending: 0 },
  ...{ medians: [1, 2, 50, 60], width: WIDTH },
};

test("every block is moved by its dose of the median norm, along the recipe's course and nowhere else", () => {
  const axisOf = (layer: number) => Float32Array.from({ length: WIDTH }, (_, at) => (at === layer ? 1 : 0));
  const { program, strengths } = courseEdit(strength, "d", axisOf);
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
  expect(program.modelDigest).toBe("d");
  for (const { layer, vectors } of program.operations)
    expect([...new Float32Array(vectors.data.buffer)]).toEqual([...axisOf(layer)]);
});

test("noise has length 1, no preferred sign, and is the same one for a seed again", () => {
  const of = (seed: number) => unitNoise(createRandom(seed), 4_000);
  const values = of(1);
  expect(Math.hypot(...values)).toBeCloseTo(1, 5);
  expect(values.filter((value) => value > 0).length / 4_000).toBeCloseTo(0.5, 1);
  expect(of(1)).toEqual(values);
  expect(of(2)).not.toEqual(values);
});
