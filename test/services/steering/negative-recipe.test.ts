/** A recipe that pushes away from its direction: a dose of a request says how far, and the recipe which way. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { CONSTANT_COURSE } from "../../../services/steering/src/course.ts";
import type { Direction } from "../../../services/steering/src/direction.ts";
import { layerWeights } from "../../../services/steering/src/dose.ts";
import { resolveIntent } from "../../../services/steering/src/plan.ts";

const direction: Direction = {
  modelDigest: "ab".repeat(32),
  method: "response_contrast",
  layers: 2,
  width: 2,
  raw: new Map([0, 1].map((layer) => [layer, Float32Array.of(3, 4)])),
  medianResidualNorms: Float32Array.of(10, 20),
};
const doses = [
  { layer: 0, relative: -0.1 },
  { layer: 1, relative: -0.2 },
];
const recipe = { direction, ending: direction, doses, course: CONSTANT_COURSE };
const planned = (fields: MessageInitShape<typeof SteeringUseSchema>, arm?: Float32Array) => {
  const use = create(SteeringUseSchema, { recipe: "away", ...(fields as object) });
  const weights = arm && { source: "uniform" as const, weights: arm };
  return resolveIntent({ kind: "recipe", recipe }, use, weights);
};
const coefficients = (...given: Parameters<typeof planned>) =>
  planned(...given).additions.map(({ coefficient }) => Math.round(1e6 * coefficient) / 1e6);
const relative = (value: number) => ({ dose: { dose: { case: "relative", value } as const } });

test("its weights are shares of its largest push", () => {
  expect([...planned({}).weights]).toEqual([0.5, 1]);
  expect([...layerWeights(doses, 2)]).toEqual([0.5, 1]);
});

test("a scale multiplies the push, and a dose replaces its size", () => {
  expect(coefficients({})).toEqual([-1, -4]);
  expect(coefficients({ scale: 0.5 })).toEqual([-0.5, -2]);
  expect(coefficients(relative(0.4))).toEqual([-2, -8]);
});

test("so it is under other weights", () => {
  const even = Float32Array.of(0.5, 0.5);
  expect(coefficients({}, even)).toEqual([-1.5, -3]);
  expect(coefficients(relative(0.4), even)).toEqual([-3, -6]);
});
