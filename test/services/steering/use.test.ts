/** How a request wants to be steered: what it says counts, a gate or a scale of 0 as much as any other. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { checkUse, partsOf } from "../../../services/steering/src/use.ts";
import { refusedField } from "../../support/refusal.ts";

type Init = MessageInitShape<typeof SteeringUseSchema>;
const use = (fields: Init) => create(SteeringUseSchema, fields);
const part: Init = { direction: "mean", scale: 1 };
const dosed: Init = { direction: "mean", dose: { dose: { case: "relative", value: 0.2 } } };

test("a composition refuses what belongs to its parts, and a shut gate is not nothing", () => {
  for (const forceGate of [0, 0.5, 1]) {
    expect(refusedField(() => partsOf(use({ parts: [part], forceGate })))).toEqual({
      reason: "INVALID_ARGUMENT",
      field: "steering.force_gate",
    });
  }
  expect(refusedField(() => partsOf(use({ parts: [part], decay: 0 })))).toEqual({
    reason: "INVALID_ARGUMENT",
    field: "steering.decay",
  });
  expect(partsOf(use({ parts: [part] }))).toHaveLength(1);
});

test("a reply has no strength, and a scale of 0 is one", () => {
  for (const scale of [0, 1]) {
    expect(refusedField(() => checkUse(use({ recipe: "r", mode: "reply", scale }), "recipe"))).toEqual({
      reason: "INVALID_ARGUMENT",
      field: "steering.scale",
    });
  }
  expect(checkUse(use({ recipe: "r", mode: "reply" }), "recipe").scale).toBe(1);
});

test("a negative scale of a composition turns scales round, and is refused where a part has a dose", () => {
  expect(partsOf(use({ parts: [part], scale: -2 })).map(({ scale }) => scale)).toEqual([-2]);
  expect(refusedField(() => partsOf(use({ parts: [part, dosed], scale: -2 })))).toEqual({
    reason: "FIELD_OUT_OF_RANGE",
    field: "steering.scale",
  });
  const [half] = partsOf(use({ parts: [dosed], scale: 0.5 }));
  expect(half?.dose?.dose.value).toBeCloseTo(0.1);
});
