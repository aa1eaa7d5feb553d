// Programs are compiled once a way to use a loaded recipe; what may mean something else next time is made anew.
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { createDecider, type Deciding } from "../../../services/steering/src/decider.ts";
import { createDeciders } from "../../../services/steering/src/deciders.ts";
import type { ControllerRunner } from "../../../services/steering/src/controller/artifact.ts";

const direction = {
  ...{ modelDigest: "ab".repeat(32), method: "response_contrast", layers: 2, width: 2 },
  raw: new Map([0, 1].map((layer) => [layer, Float32Array.of(3, 4)])),
  medianResidualNorms: Float32Array.of(10, 20),
};
const course = { start: 2, holdTokens: 4, rest: 0, ending: 0 };
const load = (relative: number): Deciding => ({
  source: {
    kind: "recipe",
    recipe: { direction, ending: direction, doses: [{ layer: 1, relative }], course },
  },
});
const use = (fields: MessageInitShape<typeof SteeringUseSchema> = {}) =>
  create(SteeringUseSchema, { recipe: "refusal", ...fields });

test("the same use of the same loaded recipe has one decider, which decides as a new one does", async () => {
  const deciderOf = createDeciders();
  const recipe = load(0.1);
  const first = deciderOf(recipe, use({ scale: 0.5 }));
  expect(deciderOf({ ...recipe }, use({ scale: 0.5 }))).toBe(first);
  expect(await first.decide([])).toEqual(await createDecider(recipe, use({ scale: 0.5 })).decide([]));
});

test("another strength, another load of the recipe and every use that names a head are decided anew", async () => {
  const deciderOf = createDeciders();
  const recipe = load(0.1);
  const first = deciderOf(recipe, use({ scale: 0.5 }));
  const doubled = deciderOf(recipe, use({ scale: 1 }));
  const again = deciderOf(load(0.2), use({ scale: 0.5 }));
  const coefficientOf = async ({ decide }: typeof first) => (await decide([])).coefficients[0];
  expect(await Promise.all([first, doubled, again].map(coefficientOf))).toEqual([2, 4, 4]);
  const headed = { ...recipe, head: {} as ControllerRunner } as Deciding;
  expect(deciderOf(headed, use())).not.toBe(deciderOf(headed, use()));
});

test("a use that is refused is refused every time", () => {
  const deciderOf = createDeciders();
  const recipe = load(0.1);
  for (let time = 0; time < 2; time++)
    expect(() => deciderOf(recipe, use({ layers: [7] }))).toThrow("the model has blocks 0 to 1");
});
